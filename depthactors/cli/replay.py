"""`depthactors replay`: run recordings through the code that keeps live books, and print the results."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

from depthactors.cli.arguments import market
from depthactors.cli.output import complain
from depthactors.cli.progress import counted
from depthactors.errors import RecordingError
from depthactors.recording.parts import files_of, recordings_of
from depthactors.replay import Replay
from depthactors.replay import replay as run_replay

if TYPE_CHECKING:
    import argparse
    from pathlib import Path

UNREPAIRED = 1
UNREADABLE = 2


def set_up(parser: argparse.ArgumentParser) -> None:
    """Describe the command, and add its options."""
    parser.description = (
        "Run recordings through the code that keeps live books, without threads: the same result every "
        "time. The files of one symbol, named or in a folder, are one recording, and a file with notes is checked "
        "against its proof. Exit status 1: a gap that no snapshot repairs, or no snapshot; 2: a file that is "
        "unreadable, or not what its proof says. A file that is cut is read as far as it goes, with a warning."
    )
    parser.add_argument(
        "files",
        nargs="+",
        metavar="FILE",
        help="gzip file with a line '<receive time, ns> <json>' for each message, or a folder of such files",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object for each recording")
    parser.add_argument(
        "--market",
        type=market,
        metavar="MARKET",
        help="market of the recordings (default: by their notes, else by their events)",
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Replay each recording; the worst exit status of all."""
    status, paths = 0, []
    for path in options.files:
        # A folder that cannot be read is not the end of the others.
        try:
            paths += files_of(path)
        except RecordingError as error:
            complain(str(error))
            status = UNREADABLE
    for files in recordings_of(paths):
        try:
            result = run_replay(files, options.market)
        except RecordingError as error:
            complain(str(error))
            status = UNREADABLE
            continue
        for warning in result.warnings:
            complain(f"warning: {warning}")
        print(_as_json(result) if options.json else _as_text(files, result), flush=True)
        if not result.repaired:
            status = max(status, UNREPAIRED)
    return status


def _as_json(result: Replay) -> str:
    fields = result.as_dict()
    del fields["repaired"]
    return orjson.dumps(fields).decode()


def _as_text(files: list[Path], result: Replay) -> str:
    folders = ", ".join(dict.fromkeys(str(path.parent) for path in files))
    place = str(files[0]) if len(files) == 1 else f"{len(files)} files of {folders}"
    ticker = f", ticker {result.ticker_matches} of {result.ticker_checks}" if result.ticker_checks else ""
    return (
        f"{place}: {result.symbol} ({result.market}) {result.applied} of {result.events} events applied, "
        f"{counted(result.gaps, 'gap')}, {counted(result.resyncs, 'resync')}, {result.bids}/{result.asks} levels, "
        f"best {result.best_bid}/{result.best_ask}{ticker}"
        f"{'' if result.repaired else ', NOT IN SEQUENCE AT THE END'}"
        f"{', CUT SHORT: its recorder was killed, perhaps' if result.cut else ''}"
    )
