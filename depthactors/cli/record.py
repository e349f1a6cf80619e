"""`depthactors record`: follow books, and write what arrives into files."""

from __future__ import annotations

import math
import sys
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from depthactors.cli.arguments import above_zero, at_least_one, market, rotation
from depthactors.cli.endings import until_signal
from depthactors.cli.output import complain
from depthactors.cli.recording_progress import Progress
from depthactors.engine.depth_engine import DepthEngine
from depthactors.engine.environment import announcement
from depthactors.markets import normalize_symbol
from depthactors.recording import RecordTo

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from depthactors.engine.handle import BookHandle
    from depthactors.status import BookStatus

LEVELS: Final = 500
ROTATE: Final = "1d"
_NOT_RECORDED: Final = 1
_LOOK: Final = 0.25
"""Seconds between two checks whether all books are given up."""


def set_up(parser: argparse.ArgumentParser) -> None:
    """Describe the command, and add its options."""
    parser.description = (
        "Follow books and write what arrives, as it arrives, into files of a folder: depth events, "
        "snapshots and their times of receipt, in the format of hftbacktest's collector. Each file begins with a "
        "snapshot; gaps, reconnects and a proof of what the file has are in the notes beside it. It ends with "
        "--seconds, Ctrl-C, SIGTERM or its terminal. Exit status 1 if a symbol was not recorded, or if the disk "
        "refused something; gaps of the connection are counted and do not change it."
    )
    parser.add_argument("symbols", nargs="+", metavar="SYMBOL", help="books to record")
    parser.add_argument("-o", "--output", required=True, metavar="FOLDER", help="folder of the files, of one market")
    parser.add_argument("--market", type=market, default="spot", metavar="MARKET", help="market (default spot)")
    parser.add_argument("--bookticker", action="store_true", help="record each change of the best bid and ask, too")
    parser.add_argument(
        "--rotate",
        type=rotation,
        default=ROTATE,
        metavar="1h|500MB",
        help=f"begin a new file after this time or size (default {ROTATE})",
    )
    parser.add_argument(
        "--depth",
        type=at_least_one,
        default=LEVELS,
        help=f"levels a side that the snapshots keep right; more cost more weight (default {LEVELS})",
    )
    parser.add_argument(
        "--seconds", type=above_zero, default=math.inf, help="seconds until the end (default: until Ctrl-C)"
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Record; returns the exit status."""
    symbols = [*dict.fromkeys(normalize_symbol(symbol) for symbol in options.symbols)]
    target = RecordTo(options.output, rotate=options.rotate, book_ticker=options.bookticker)
    deadline = time.monotonic() + options.seconds
    with until_signal() as ended, DepthEngine(options.market, record=target) as engine:
        if where := announcement():
            complain(where)
        handles = engine.subscribe_many(symbols, depth=options.depth)
        progress = Progress(sys.stdout)
        while not ended.wait(min(_LOOK, max(0.0, deadline - time.monotonic()))):
            status = engine.status()
            progress.show(status)
            if time.monotonic() >= deadline or not any(map(_may_be_recorded, status.books)):
                break
        given_up = {handle.symbol for handle in handles if handle.state.over}
        rows = engine.status().books
    results = [_after_stop(handle, row) for handle, row in zip(handles, rows, strict=True)]
    progress.end(results)
    return _verdict(results, given_up)


def _may_be_recorded(row: BookStatus) -> bool:
    """Return whether more may come of a book: it is not given up, and its files could be opened."""
    is_refused = row.recording is not None and row.recording.error is not None and not row.recording.files
    return not row.state.over and not is_refused


def _after_stop(handle: BookHandle[Any], row: BookStatus) -> BookStatus:
    """Return the status of a book before the stop, which has its error, with its recording after it, if it has one."""
    recording = handle.status().recording
    return row if recording is None else replace(row, recording=recording)


def _verdict(rows: Sequence[BookStatus], given_up: set[str]) -> int:
    """Name what was not recorded, and return the exit status."""
    missing = [reason for row in rows if (reason := _missing(row, row.symbol in given_up))]
    for reason in missing:
        complain(reason)
    if missing:
        complain(f"{len(missing)} of {len(rows)} symbols were not recorded, or not whole")
    return _NOT_RECORDED if missing else 0


def _missing(row: BookStatus, is_given_up: bool) -> str:
    """Return why a book is not recorded, or not whole, because of something else than gaps of its connection."""
    recording, title = row.recording, f"{row.symbol} ({row.market})"
    if is_given_up:
        return f"{title}: given up: {row.error}"
    if recording is None or not recording.files:
        error = recording.error if recording is not None and recording.error else row.error
        return f"{title}: nothing is recorded: {error or 'no snapshot had arrived yet'}"
    if recording.error:
        return f"{title}: {recording.error}"
    if recording.failures:
        return f"{title}: the disk refused data {recording.failures} times; the notes have the gaps"
    return f"{title}: {recording.lost} events were lost before they were recorded" if recording.lost else ""
