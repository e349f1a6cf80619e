"""`depthactors sandbox`: run a command against a local exchange that lives as long as the command."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from depthactors.cli.endings import ENDINGS
from depthactors.cli.output import complain
from depthactors.cli.serving import add_options, described, open_exchange
from depthactors.engine.environment import EXCHANGE_VARIABLE

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

NOT_FOUND: Final = 127
NOT_EXECUTABLE: Final = 126
SIGNALLED: Final = 128
"""Added to the number of the signal that ended the command, as shells do."""
USAGE: Final = "depthactors sandbox [options] -- COMMAND..."
_MORTAL: Final = """
import ctypes, os, signal, sys
for number in (signal.SIGPIPE, signal.SIGXFSZ):
    signal.signal(number, signal.SIG_DFL)
if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    signal.signal(signal.SIGINT, signal.SIG_DFL)
PR_SET_PDEATHSIG = 1
ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(signal.SIGTERM))
if os.getppid() != int(sys.argv[1]):
    sys.exit(143)
os.execvp(sys.argv[2], sys.argv[2:])
"""
"""Program that becomes the command: the kernel ends it with its parent, and signals have their default action again."""


def set_up(parser: argparse.ArgumentParser) -> None:
    """Describe the command, and add its options."""
    parser.usage = USAGE
    parser.description = (
        f"Start a local exchange, run COMMAND with {EXCHANGE_VARIABLE} set to it, and end with the "
        "command's exit status (127: no such command). Ctrl-C reaches the command as in a shell; SIGTERM is passed on."
    )
    add_options(parser, port=0)
    parser.add_argument("command", nargs="+", metavar="COMMAND", help="command to run, and its arguments")
    parser.set_defaults(run=run, hint=f"; write {USAGE}")


def run(options: argparse.Namespace) -> int:
    """Run the command; returns its exit status."""
    if (status := _refused(options.command[0])) is not None:
        return status
    with open_exchange(options) as exchange:
        complain(f"sandbox: {described(exchange)}")
        environment = os.environ | {EXCHANGE_VARIABLE: exchange.url}
        try:
            child = subprocess.Popen([*_mortal(), *_as_typed(options.command)], env=environment)  # noqa: S603
        except OSError as error:
            complain(f"{options.command[0]!r} cannot be run: {error}")
            return NOT_EXECUTABLE
        with _passed_on(child):
            status = child.wait()
    return SIGNALLED - status if status < 0 else status


def _refused(command: str) -> int | None:
    """Report why a command cannot be run, and return the exit status; `None` if it can."""
    if shutil.which(command) is not None:
        return None
    if Path(command).exists():
        complain(f"{command!r} cannot be run: it is no program, or not executable")
        return NOT_EXECUTABLE
    complain(f"no such command: {command!r}")
    return NOT_FOUND


def _mortal() -> list[str]:
    """Return what goes before a command that is to end with this process, even when that is killed; on Linux only."""
    return [sys.executable, "-I", "-S", "-c", _MORTAL, str(os.getpid())] if sys.platform == "linux" else []


@contextmanager
def _passed_on(child: subprocess.Popen[bytes]) -> Iterator[None]:
    """Pass signals that end this process on to the command; Ctrl-C reaches it by itself, and it decides what to do."""
    before = {number: signal.signal(number, lambda number, _: child.send_signal(number)) for number in ENDINGS}
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        # No `KeyboardInterrupt`: one that comes just as the wait ends loses the command's status.
        before[signal.SIGINT] = signal.signal(signal.SIGINT, lambda *_: None)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _as_typed(command: list[str]) -> list[bytes]:
    """Return the bytes that were typed, whatever the locale took them for."""
    return [word.encode(errors="surrogateescape") for word in command]
