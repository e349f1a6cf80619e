"""`depthactors export`: recordings in the formats of other tools."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from depthactors import export
from depthactors.cli.arguments import market
from depthactors.cli.endings import ended_by_signal
from depthactors.cli.output import complain
from depthactors.cli.progress import counted
from depthactors.errors import UsageError
from depthactors.markets import normalize_symbol

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from depthactors.export import Exported, Progress

TARGETS: Final = ("hftbacktest", "parquet", "tardis")
UNREPAIRED: Final = 1


def set_up(parser: argparse.ArgumentParser) -> None:
    """Describe the command, and add its options."""
    parser.description = (
        "Write the book of a recording, or of several of one symbol, in the format of another tool: "
        "hftbacktest (an event array, .npz), parquet (a folder of tables), tardis (a CSV file, incremental_book_L2, "
        ".csv.gz). OUT is there when it is complete. A file that ends within a line is exported up to there, with a "
        "warning. Exit status 1: no snapshot repairs the last gap, and what is behind it is left out; 2: nothing was "
        "written."
    )
    parser.add_argument("files", nargs="+", metavar="FILE", help="recording, or a folder with one")
    parser.add_argument("--to", required=True, choices=TARGETS, dest="target", help="format")
    parser.add_argument("-o", "--out", required=True, metavar="OUT", help="file or folder to write; it must not exist")
    parser.add_argument(
        "--last-book", metavar="FILE", help="also write the last book, for hftbacktest's next day (.npz)"
    )
    parser.add_argument("--symbol", metavar="SYMBOL", help="the symbol to export, of a folder with several")
    parser.add_argument(
        "--market",
        type=market,
        metavar="MARKET",
        help="market of the recording (default: by its notes, else by its events)",
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Export; returns the exit status."""
    extra = {} if options.symbol is None else {"symbol": normalize_symbol(options.symbol)}
    if options.last_book is not None:
        if options.target != "hftbacktest":
            msg = f"expected --last-book with --to hftbacktest only, was {options.target}"
            raise UsageError(msg)
        extra["last_book"] = options.last_book
    write = getattr(export, f"to_{options.target}")
    with ended_by_signal(), _progress() as progress:
        done: Exported = write(options.files, options.out, market=options.market, progress=progress, **extra)
    for warning in done.warnings:
        complain(f"warning: {warning}")
    print(
        f"{done.path}: {done.symbol} ({done.market}) {counted(done.events, 'event')}, {counted(done.rows, 'row')}, "
        f"{counted(done.snapshots, 'snapshot')}, {counted(len(done.gaps), 'gap')}"
    )
    if done.left_out:
        complain(f"warning: {done.left_out} events between a gap and the next snapshot are left out")
    return 0 if done.repaired else UNREPAIRED


@contextmanager
def _progress() -> Iterator[Progress | None]:
    """Show a bar on a terminal, on standard error; without rich there is none."""
    if sys.stderr is None or not sys.stderr.isatty():
        yield None
        return
    try:
        from rich.console import Console  # noqa: PLC0415 - an extra
        from rich.progress import BarColumn, TextColumn, TimeRemainingColumn  # noqa: PLC0415
        from rich.progress import Progress as Bar  # noqa: PLC0415
    except ImportError:
        yield None
        return
    columns = TextColumn("{task.percentage:3.0f}%"), BarColumn(), TextColumn("{task.fields[events]:,} events")
    with Bar(*columns, TimeRemainingColumn(), console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=1.0, events=0)

        def show(share: float, events: int) -> None:
            bar.update(task, completed=share, events=events)

        yield show
