"""Ctrl-C while a command is still being imported: it ends at once, as it does later, without a traceback.

The package is imported before the command's first line. So this is the first of its modules; to import it
is enough, and it does nothing in any other program.
"""

from __future__ import annotations

import signal
import sys
import threading
from pathlib import PurePath
from typing import Any, Final

_COMMAND: Final = "depthactors"


def end_quietly() -> None:
    """Let SIGINT end this process, whose status is then 130 in a shell, until `raise_again`; in a command only."""
    # A program that was started with SIGINT ignored goes on to ignore it.
    _replace(signal.default_int_handler, signal.SIG_DFL)


def raise_again() -> None:
    """Let SIGINT raise `KeyboardInterrupt` again, if `end_quietly` has changed that."""
    _replace(signal.SIG_DFL, signal.default_int_handler)


def _replace(present: Any, following: Any) -> None:
    is_main = threading.current_thread() is threading.main_thread()
    if is_main and _is_command() and signal.getsignal(signal.SIGINT) == present:
        signal.signal(signal.SIGINT, following)


def _is_command() -> bool:
    """Whether this process was started as `depthactors` or as `python -m depthactors`."""
    # Not `sys.argv`, which a process of `multiprocessing` has of its parent.
    words = sys.orig_argv[1:3]
    return words == ["-m", _COMMAND] or PurePath(*words[:1]).name == _COMMAND


end_quietly()
