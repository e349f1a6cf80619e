"""A recording as a snapshot and the events that follow it, and what each of them makes of the best levels."""

from __future__ import annotations

from heapq import nlargest, nsmallest
from math import inf
from typing import TYPE_CHECKING, Any, NamedTuple

from depthactors import binance, markets, recording
from depthactors.book import OrderBook
from depthactors.sync import Synchronizer

if TYPE_CHECKING:
    from pathlib import Path

    from depthactors.binance import Diff, Snapshot

LAP = 1 << 48
"""Added to the update ids with each round, for they never go backwards; larger than any id."""


class Tape(NamedTuple):
    """The longest stretch of a recording without a gap."""

    symbol: str
    snapshot: Snapshot
    events: list[tuple[float, Diff]]


class _Logged(OrderBook):
    """A book that keeps what it was made of."""

    __slots__ = ("tape",)

    def __init__(self, symbol: str, snapshot: Snapshot) -> None:
        super().__init__(symbol, snapshot)
        self.tape = Tape(symbol, snapshot, [])

    def apply(self, diff: Diff, recv_time: float = 0.0) -> None:
        super().apply(diff, recv_time)
        self.tape.events.append((recv_time, diff))


def load(path: Path) -> Tape:
    """Read a recording of one symbol."""
    lines = list(recording.read(path))
    first = next(line for line in lines if line.is_diff)
    market, symbol = markets.guess(first.event), first.event["s"]
    made: list[_Logged] = []

    def new_book(snapshot: Snapshot, _now: float) -> OrderBook:
        made.append(_Logged(symbol, snapshot))
        return made[-1]

    machine = Synchronizer(market.sequencing, new_book, buffer_limit=len(lines))
    machine.stream_up(1)
    for line in lines:
        seconds = line.recv_ns * 1e-9
        if line.is_snapshot:
            limit = market.implied_limit(max(len(line.message["bids"]), len(line.message["asks"])))
            machine.snapshot(1, binance.parse_snapshot(line.message, limit, symbol), seconds)
        elif line.is_diff:
            machine.diff(1, binance.parse_diff(line.event, market.sequencing, symbol), seconds)
    return max((book.tape for book in made), key=lambda tape: len(tape.events))


def digest(bids: Any, asks: Any) -> int:
    """Return the same number for the same floats, in every process: numbers' hashes are not salted."""
    return hash((bids, asks))


def truths(tape: Tape, levels: int) -> dict[int, int]:
    """Return the digest of the best levels at each update id: of plain dicts, without any code that is to be proven.

    What lies beyond the snapshot's last level is left out, as nobody knows all of it; once the price has walked there,
    views are stale and have fewer levels.
    """
    snapshot = tape.snapshot
    sides: list[dict[float, float]] = [{}, {}]
    table = {}
    least = min(snapshot.bids[::2]) if len(snapshot.bids) // 2 == snapshot.limit else 0.0
    most = max(snapshot.asks[::2]) if len(snapshot.asks) // 2 == snapshot.limit else inf
    for last_id, *changes in (
        (snapshot.last_update_id, snapshot.bids, snapshot.asks),
        *((diff.last_id, diff.bids, diff.asks) for _, diff in tape.events),
    ):
        for side, flat in zip(sides, changes, strict=True):
            for price, quantity in zip(flat[::2], flat[1::2], strict=True):
                if quantity and (price >= least if side is sides[0] else price <= most):
                    side[price] = quantity
                else:
                    side.pop(price, None)
        bids = tuple((price, sides[0][price]) for price in nlargest(levels, sides[0]))
        asks = tuple((price, sides[1][price]) for price in nsmallest(levels, sides[1]))
        table[last_id] = digest(bids, asks)
    return table
