"""`depthactors sandbox`: run a command against a local exchange that lives as long as the command."""

from __future__ import annotations

import os
import signal
import subprocess
from typing import TYPE_CHECKING, Any, Final

from depthactors.cli.output import complain
from depthactors.cli.serving import add_options, open_exchange
from depthactors.environment import EXCHANGE_VARIABLE

if TYPE_CHECKING:
    import argparse

NOT_FOUND: Final = 127
NOT_EXECUTABLE: Final = 126
SIGNALLED: Final = 128
"""Added to the number of the signal that ended the command, as shells do."""


def add_parser(commands: Any) -> None:
    """Add the command to the parser."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "sandbox",
        help="run a command against a local exchange",
        usage="depthactors sandbox [options] -- COMMAND...",
        description=f"Start a local exchange, run COMMAND with {EXCHANGE_VARIABLE} set to it, and end with the "
        "command's exit status (127: no such command).",
    )
    add_options(parser, port=0)
    parser.add_argument("command", nargs="+", metavar="COMMAND", help="what to run, and its arguments")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Run the command; returns its exit status."""
    with open_exchange(options) as exchange:
        environment = os.environ | {EXCHANGE_VARIABLE: exchange.url}
        try:
            child = subprocess.Popen(_as_typed(options.command), env=environment)  # noqa: S603 - the user's own
        except FileNotFoundError:
            complain(f"expected a command to run, was {options.command[0]!r}")
            return NOT_FOUND
        except OSError as error:
            complain(f"{options.command[0]!r} cannot be run: {error}")
            return NOT_EXECUTABLE
        before = signal.signal(signal.SIGTERM, lambda *_: child.terminate())
        try:
            status = _wait(child)
        finally:
            signal.signal(signal.SIGTERM, before)
    return SIGNALLED - status if status < 0 else status


def _as_typed(command: list[str]) -> list[bytes]:
    """Return the bytes that were typed, whatever the locale took them for."""
    return [word.encode(errors="surrogateescape") for word in command]


def _wait(child: subprocess.Popen[bytes]) -> int:
    """Wait for the command's end; Ctrl-C reaches it by itself, and what it makes of that is its own affair."""
    while True:
        try:
            return child.wait()
        except KeyboardInterrupt:
            continue
