"""Our event array beside hftbacktest's own, of the same recording; and its backtest on ours beside our replay."""

import gzip
import json
import subprocess
from bisect import bisect_right
from collections import Counter
from itertools import accumulate, pairwise
from math import gcd
from pathlib import Path
from typing import NamedTuple

import numpy as np
import orjson

from depthactors import BookState, export, recording

PROGRAM = Path(__file__).with_name("peer_hftbacktest.py")
PATIENCE = 300.0
LOCAL = np.uint64(1 << 30)
KIND = np.uint64(0xFF)
DEPTH, CLEAR, SNAPSHOT = 1, 3, 4
_FLAGS = np.uint64(~(3 << 30) & 0xFFFFFFFF)


class Beside(NamedTuple):
    """What a comparison found; rows are counted, by local events.

    Attributes:
        equal: in both arrays, all fields equal.
        moved: rows of events before the snapshot that it lacks: we have them at the time of its receipt.
        left_out: rows of events that the snapshot has, received before it or after: we have none of them.
        retimed: rows of a snapshot whose exchange time is after the first event that continues it: we have the event's.
        unexplained: all others, in either array.
        is_ordered: whether the rows that are equal are in the same order in both arrays.
        moments: number of moments at which the best prices were compared.
        touches: number of those at which both equal our replay's.
        last_levels: number of levels of the last book of hftbacktest's `create_last_snapshot`.
        same_last: whether our last book is the same.
        same_dtype: whether the arrays have one dtype.
        in_its_order: whether hftbacktest makes our array of our local events.
    """

    equal: int
    moved: int
    left_out: int
    retimed: int
    unexplained: int
    is_ordered: bool
    moments: int
    touches: int
    last_levels: int
    same_last: bool
    same_dtype: bool
    in_its_order: bool

    def is_explained(self):
        """Whether nothing differs but what the rules of the export say."""
        same = self.is_ordered and self.same_last and self.same_dtype and self.in_its_order
        return same and self.unexplained == 0 and self.touches == self.moments > 0


def compare(python, capture, folder, moments=1_000, *, has_gaps=False):
    """Export a recording, have hftbacktest do the same, and compare.

    With `has_gaps` the rows are not compared: its converter does not know a gap.
    """
    ours, theirs, last = folder / "ours.npz", folder / "theirs.npz", folder / "last.npz"
    export.to_hftbacktest(capture, ours, last_book=last)
    rows = np.load(ours)["data"]
    lines = list(recording.read(capture))
    offset = _offset(rows, lines)
    views = list(recording.views(capture, depth=1))
    # A file of our recorder begins with a snapshot, before events that were received earlier.
    received = list(accumulate((round((view.recv_time + view.age) * 1e9) for view in views), max))
    # Where prices have left the snapshot's range, the replay does not say what is best.
    live = [pair for view, pair in zip(views, pairwise(received), strict=False) if view.state is BookState.LIVE]
    times = _moments(live, moments)
    tick, lot = _unit(rows["px"]), _unit(rows["qty"])
    task = {
        "ours": str(ours),
        "theirs": str(theirs),
        "recording": str(_for_converter(lines, folder / "for_converter.gz")),
        "tick": tick,
        "lot": lot,
        "moments": [int(time) + offset for time in times],
    }
    done = subprocess.run(
        [python, str(PROGRAM)], input=json.dumps(task), capture_output=True, text=True, timeout=PATIENCE, check=True
    )
    reply = json.loads(done.stdout)
    shown = [views[bisect_right(received, time) - 1] for time in times]
    expected = [[round(view.best_bid[0] / tick), round(view.best_ask[0] / tick)] for view in shown]
    book = np.load(last)["data"]
    ours_last = [[int(row["ev"]), round(row["px"] / tick), float(row["qty"])] for row in book]
    return Beside(
        *((0, 0, 0, 0, 0, True) if has_gaps else _differences(rows, np.load(theirs)["data"], lines, offset)),
        moments=len(times),
        touches=sum(one == other for one, other in zip(reply["touches"], expected, strict=True)),
        last_levels=len(reply["last_book"]),
        same_last=ours_last == reply["last_book"],
        same_dtype=reply["same_dtype"],
        in_its_order=reply["in_its_order"],
    )


def _for_converter(lines, path):
    """Write the depth events, trades and snapshots with the keys of futures, which the converter takes alone."""
    first = next((line for line in lines if line.is_snapshot), None)
    last_id = first.message["lastUpdateId"]
    begin = next(line.event for line in lines if line.is_diff and line.event["u"] >= last_id + ("pu" not in line.event))
    with gzip.open(path, "wb") as file:
        for line in lines:
            if line.is_snapshot:
                message = {"T": begin["E"]} | line.message
            elif line.is_diff or line.event.get("e") == "trade":
                event = line.event
                message = {"data": {"T": event["E"], "X": "MARKET"} | event}
            else:
                continue
            file.write(b"%d %s\n" % (line.recv_ns, orjson.dumps(message)))
    return path


def _offset(rows, lines):
    """Return by how much local times are moved."""
    first = next(line for line in lines if line.is_snapshot)
    local = rows[(rows["ev"] & KIND) == SNAPSHOT]["local_ts"]
    return int(local[0]) - first.recv_ns


def _moments(stretches, count):
    """Spread moments over the times between two updates."""
    # Times of views are floats: what is within a microsecond may be either.
    wide = [(begin, end) for begin, end in stretches if end - begin > 4_000]
    each = -(-count // len(wide))
    times = [begin + (end - begin) * part // (each + 1) for begin, end in wide for part in range(1, each + 1)]
    return [times[len(times) * number // count] for number in range(count)]


def _unit(numbers):
    """Return the largest number of which all are multiples."""
    found = np.unique(numbers[np.isfinite(numbers)])
    return gcd(*(round(number * 1e8) for number in found.tolist())) / 1e8


def _differences(ours, theirs, lines, offset):
    [base] = [line for line in lines if line.is_snapshot]
    known, base_id = base.recv_ns, base.message["lastUpdateId"]
    had = {line.recv_ns for line in lines if line.is_diff and line.event["u"] < base_id + ("pu" not in line.event)}
    their_offset = int(theirs["local_ts"][theirs["ev"] & KIND == SNAPSHOT][0]) - known
    mine, yours = _local(ours, offset), _local(theirs, their_offset)
    common = Counter(mine) & Counter(yours)
    only_mine, only_yours = Counter(mine) - common, Counter(yours) - common
    early = [row for row in only_yours.elements() if row[0] & 0xFF == DEPTH and (row[2] < known or row[2] in had)]
    moved = Counter((flags, exch, known, *level) for flags, exch, _, *level in early) & only_mine
    retimed = _without_exchange_time(only_mine) & _without_exchange_time(only_yours)
    unexplained = only_mine.total() + only_yours.total() - len(early) - moved.total() - 2 * retimed.total()
    numbers = common.total(), moved.total(), len(early) - moved.total(), retimed.total(), unexplained
    return *numbers, _kept(mine, common) == _kept(yours, common)


def _without_exchange_time(rows):
    return Counter((row[0], *row[2:]) for row in rows.elements() if row[0] & 0xFF in {CLEAR, SNAPSHOT})


def _kept(rows, common):
    left = common.copy()
    kept = []
    for row in rows:
        if left[row]:
            left[row] -= 1
            kept.append(row)
    return kept


def _local(rows, offset):
    """Return the local events, in order: flags, exchange time, time of receipt, price, quantity."""
    rows = rows[rows["ev"] & LOCAL > 0]
    columns = rows["ev"] & _FLAGS, rows["exch_ts"], rows["local_ts"] - offset, rows["px"], rows["qty"]
    return list(zip(*(column.tolist() for column in columns), strict=True))
