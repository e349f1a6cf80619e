"""Our Parquet tables, read by pandas, polars and DuckDB, beside our replay."""

import json
import subprocess
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

from depthactors import export, recording
from depthactors.export.reader import StepReader
from depthactors.export.steps import Base

PROGRAM = Path(__file__).with_name("peer_tables.py")
PATIENCE = 300.0


class Read(NamedTuple):
    """What one tool has of our tables.

    Attributes:
        tool: its name.
        books: number of times at which all of its levels equal the replay's.
        moments: number of times.
        levels: number of levels in all of these books.
    """

    tool: str
    books: int
    moments: int
    levels: int


def read(python, capture, folder, count=5):
    """Export a recording, let each tool make the book of `count` times of receipt, and compare all levels."""
    export.to_parquet(capture, folder / "tables")
    steps = list(StepReader(capture, None, None).steps())
    [base] = [step.snapshot for step in steps if isinstance(step, Base)]
    received = [step.known_ns for step in steps]
    moments = [received[(len(received) - 1) * (number + 1) // count] for number in range(count)]
    task = json.dumps({"folder": str(folder / "tables"), "moments": moments})
    done = subprocess.run(
        [python, str(PROGRAM)], input=task, capture_output=True, text=True, timeout=PATIENCE, check=True
    )
    # Times of the replay are floats; the next message comes later than that.
    views = [recording.book_at(capture, moment / 1e9 + 2e-7, number=Decimal) for moment in moments]
    expected = [{("bid", *level) for level in view.bids} | {("ask", *level) for level in view.asks} for view in views]
    # The replay drops what is beyond the snapshot's range.
    ranges = {"bid": min(base.bids[::2]), "ask": max(base.asks[::2])}
    found = []
    for tool, books in json.loads(done.stdout).items():
        known = [{(side, Decimal(p), Decimal(q)) for side, p, q in book if _within(side, p, ranges)} for book in books]
        equal = sum(one == other for one, other in zip(known, expected, strict=True))
        found.append(Read(tool, equal, len(moments), sum(map(len, known))))
    return found


def _within(side, price, ranges):
    edge = Decimal(repr(ranges[side]))
    return Decimal(price) >= edge if side == "bid" else Decimal(price) <= edge
