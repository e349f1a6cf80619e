"""The command line: `depthactors demo`, `watch`, `replay`, `exchange` and `sandbox`."""

from __future__ import annotations

import argparse
import logging
import sys
from typing import TYPE_CHECKING

from depthactors import reporting
from depthactors.cli import demo, exchange, replay, sandbox, watch
from depthactors.errors import DepthActorsError

if TYPE_CHECKING:
    from collections.abc import Sequence

USAGE_ERROR = 2
INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit status: 130 when it was interrupted, 2 for a bad value."""
    parser = argparse.ArgumentParser(prog="depthactors", description="Live Binance order books, an actor a book.")
    parser.add_argument("--log", metavar="LEVEL", default="ERROR", type=_log_level, help="DEBUG, INFO, WARNING...")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for command in (demo, watch, replay, exchange, sandbox):
        command.add_parser(commands)
    options = parser.parse_args(arguments)
    reporting.quiet()
    logging.basicConfig(level=options.log, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    try:
        status: int = options.run(options)
    except KeyboardInterrupt:
        return INTERRUPTED
    except DepthActorsError as error:
        print(f"depthactors: {error}", file=sys.stderr)
        return USAGE_ERROR
    return status


def _log_level(name: str) -> int:
    level = logging.getLevelNamesMapping().get(name.upper())
    if level is None:
        msg = f"expected a level like INFO, was {name!r}"
        raise argparse.ArgumentTypeError(msg)
    return level
