"""This library, as its book actor does it: the whole frame checked, the machine, the book, a view of five levels."""

from depthactors import markets, wire
from depthactors.book import BookState, OrderBook
from depthactors.book.view import capture
from depthactors.sync import Synchronizer

DISTRIBUTION = "depthactors"
DEPTH = 5


def follow(market, symbol, snapshot, *, read=True, number=float):
    sequencing = markets.lookup(market).sequencing
    # With room for more levels than it showed, it vouches for all: as the peers, it keeps whatever it hears of.
    shot = wire.parse_snapshot(snapshot, 1 + max(len(snapshot["bids"]), len(snapshot["asks"])))
    machine = Synchronizer(sequencing, lambda given, now: OrderBook(symbol, given, depth=DEPTH, recv_time=now))
    machine.stream_up(1)
    machine.snapshot(1, shot, 0.0)

    def take(frame):
        machine.diff(1, wire.read_diff(frame, sequencing, symbol), 0.0)
        if not read:
            return None
        view = capture(machine.book, DEPTH, BookState.LIVE, number, 0.0, DEPTH)
        return view.bids, view.asks

    return take
