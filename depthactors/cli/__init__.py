"""The command line: `depthactors demo`, `watch`, `record`, `replay`, `export`, `serve`, `exchange` and `sandbox`."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from importlib import import_module
from typing import TYPE_CHECKING, Final

from depthactors import early_interrupt, reporting
from depthactors.cli import output
from depthactors.errors import DepthActorsError
from depthactors.version import VERSION

if TYPE_CHECKING:
    from collections.abc import Sequence

USAGE_ERROR = 2
INTERRUPTED = 130
_COMMANDS: Final = {
    "demo": "follow three books of a local exchange",
    "watch": "show books of the exchange, or of another process",
    "record": "write books into files, for replay and research",
    "replay": "replay recordings and report their gaps",
    "export": "write recordings in the formats of other tools",
    "serve": "serve books over HTTP and websockets",
    "exchange": "run a local exchange",
    "sandbox": "run a command against a local exchange",
}
"""The help of each command. Its module here has its options; it is imported where the command is named."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit status: 130 when it was interrupted, 2 for a bad value.

    Without a command the help is shown, with status 0. Where standard output is closed or full the command ends,
    with status 141 or 1.
    """
    try:
        early_interrupt.raise_again()
        words = [_as_text(word) for word in (sys.argv[1:] if arguments is None else arguments)]
        with output.guarded():
            return _run(words)
    except KeyboardInterrupt:
        return INTERRUPTED
    except output.OutputError as error:
        return output.give_up(error)


def _run(words: Sequence[str]) -> int:
    parser = _parser(words)
    if not words:
        parser.print_help()
        return 0
    options, unknown = parser.parse_known_args(words)
    if unknown:
        parser.error(f"unrecognized arguments: {' '.join(unknown)}{getattr(options, 'hint', '')}")
    reporting.quiet()
    logging.basicConfig(level=options.log, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    try:
        status: int = options.run(options)
    except DepthActorsError as error:
        output.complain(str(error))
        return USAGE_ERROR
    return status


def _parser(words: Sequence[str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="depthactors", description="Live Binance order books for programs that use threads."
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {VERSION}")
    parser.add_argument(
        "--log",
        metavar="LEVEL",
        default="ERROR",
        type=_log_level,
        help="write the log from this level up to stderr: DEBUG, INFO, WARNING or ERROR (default ERROR)",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, words_of_help in _COMMANDS.items():
        command = commands.add_parser(name, help=words_of_help)
        if name in words:
            import_module(f"{__name__}.{name}").set_up(command)
    return parser


def _log_level(name: str) -> int:
    level = logging.getLevelNamesMapping().get(name.upper())
    if level is None:
        msg = f"expected a level like INFO, was {name!r}"
        raise argparse.ArgumentTypeError(msg)
    return level


def _as_text(word: str) -> str:
    """Read a word of the command line as UTF-8 where the locale could not: symbols need not be ASCII."""
    try:
        return os.fsencode(word).decode()
    except UnicodeError:
        return word
