"""The interpreter that worker processes run on: that of this program, with its options and its modules.

A worker is started as `python -c ...`. There can be none where that would run the program itself, which would start
workers in its turn: in a frozen program, in a server with Python inside, in a worker. Nor with threads that gevent or
eventlet has replaced: a green thread cannot wait for a channel.
"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import Final

from depthactors.actors.green_threads import replaced_by
from depthactors.errors import UsageError
from depthactors.private_names import flags_of_interpreter

_MARK: Final = "DEPTHACTORS_WORKER"
"""Environment variable of a process that was started as a worker, until `enter_worker`."""
_NAME: Final = re.compile(r"(python|pypy|graalpy)[^/]*", re.IGNORECASE)
_PROGRAM: Final = """
import signal, sys
signal.signal(signal.SIGINT, signal.SIG_IGN)
sys.path[:] = {path!r}
import depthactors.worker.worker as w
w.main({descriptor})
"""
"""Ctrl-C is for the engine's process. It may come while the package is loaded, which takes some tenths of a second."""
_is_worker = False


def check_possible() -> None:
    """Check that this program can have worker processes.

    Raises:
        UsageError: it cannot; the message says why, and what would help.
    """
    if why := _obstacle():
        msg = f"expected processes=None in {why}"
        raise UsageError(msg)


def enter_worker() -> None:
    """Note that this process is a worker; processes that it starts itself are not."""
    global _is_worker  # noqa: PLW0603 - it is the process that is one
    _is_worker = True
    os.environ.pop(_MARK, None)


def command(descriptor: int) -> list[str]:
    """Return the command that starts a worker with this descriptor; it finds the modules that this program finds."""
    # What `multiprocessing` passes on, by the function that it uses.
    program = _PROGRAM.format(path=_search_path(), descriptor=descriptor)
    return [_executable(), *flags_of_interpreter(), "-P", "-c", program]


def environment() -> dict[str, str]:
    """Return the environment of a worker: that of this process, with a mark."""
    return os.environ | {_MARK: str(os.getpid())}


def _obstacle() -> str | None:
    if _is_worker or _MARK in os.environ:
        return "a worker process of an engine, which keeps books itself: start the engine in the program"
    if getattr(sys, "frozen", False):
        return "a frozen program: a worker would be another run of the whole program"
    if patcher := replaced_by():
        return f"a program whose threads {patcher} has replaced: workers need real ones"
    executable = _executable()
    # An interpreter that the program has chosen for its workers may have any name.
    if executable == (sys.executable or "") and not _NAME.fullmatch(Path(executable).name):
        return (
            f"a program whose sys.executable is {sys.executable!r}, no Python interpreter that could run a worker "
            "(multiprocessing.set_executable(path) names one)"
        )
    return None


def _executable() -> str:
    # Not at the top: a worker starts no worker, and has this module too.
    import multiprocessing.spawn  # noqa: PLC0415

    return os.fsdecode(multiprocessing.spawn.get_executable() or "")


def _search_path() -> list[str]:
    # An import ignores what is no text, too.
    entries: list[object] = [*sys.path]
    return [path or _here() for path in entries if isinstance(path, str)]


def _here() -> str:
    try:
        return str(Path.cwd())
    except OSError:
        # It was removed meanwhile, or may not be read: nothing is found there, nor in this program.
        return ""
