"""`depthactors replay`: run recordings through the code that keeps live books, and print the results."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from depthactors.cli.arguments import market
from depthactors.cli.output import complain
from depthactors.errors import RecordingError
from depthactors.replay import Replay
from depthactors.replay import replay as run_replay

if TYPE_CHECKING:
    import argparse

UNREPAIRED = 1
UNREADABLE = 2


def add_parser(commands: Any) -> None:
    """Add the command to the parser."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "replay",
        help="replay recordings and report their gaps",
        description="Run recordings through the code that keeps live books, without threads: the same result every "
        "time. Exit status 1: a gap that no snapshot in the file repairs, or no snapshot; 2: an unreadable file.",
    )
    parser.add_argument(
        "files", nargs="+", metavar="FILE", help="gzip file with a line '<receive time, ns> <json>' for each message"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object for each file")
    parser.add_argument(
        "--market", type=market, metavar="MARKET", help="market of the recordings (default: recognised by the events)"
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Replay each file; the worst exit status of all."""
    status = 0
    for path in options.files:
        try:
            result = run_replay(path, options.market)
        except RecordingError as error:
            complain(str(error))
            status = UNREADABLE
            continue
        print(_as_json(result) if options.json else _as_text(path, result), flush=True)
        if not result.repaired:
            status = max(status, UNREPAIRED)
    return status


def _as_json(result: Replay) -> str:
    fields = result.as_dict()
    del fields["repaired"]
    return orjson.dumps(fields).decode()


def _as_text(path: str, result: Replay) -> str:
    return (
        f"{path}: {result.symbol} ({result.market}) {result.applied} of {result.events} events applied, "
        f"{result.gaps} gaps, {result.resyncs} resyncs, {result.bids}/{result.asks} levels, "
        f"best {result.best_bid}/{result.best_ask}, ticker {result.ticker_matches} of {result.ticker_checks}"
        f"{'' if result.repaired else ', NOT IN SEQUENCE AT THE END'}"
        f"{', CUT SHORT: its recorder was killed, perhaps' if result.cut else ''}"
    )
