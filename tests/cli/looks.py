"""Books that do not move, for what draws and writes them."""

from decimal import Decimal

from depthactors.book import BookState, BookView
from depthactors.cli.shown import Look


def view(bids=(), asks=(), state=BookState.LIVE, *, symbol="ETHBTC", decimals=(8, 8), number=float, **more):
    return BookView(
        symbol, state, last_update_id=7, age=2.25, bids=bids, asks=asks, decimals=decimals, number=number, **more
    )


def deep(levels=60, state=BookState.LIVE, symbol="ETHBTC", **more):
    """Return a view from 100.00 downwards and from 100.01 upwards, a level each cent."""
    cent = Decimal("0.01")
    bids = tuple((100 - n * cent, Decimal(1 + n % 7)) for n in range(levels))
    asks = tuple((100 + (n + 1) * cent, Decimal(2 + n % 5)) for n in range(levels))
    return view(bids, asks, state, symbol=symbol, decimals=(8, 8), **more)


def look(view=None, why=None, *, symbol="ETHBTC", market="spot", depth=60, **more):
    return Look(symbol=symbol, market=market, speed_ms=100, depth=depth, view=view, why=why, **more)


class Still:
    """A book that does not move, and notes how often it was looked at."""

    def __init__(self, seen):
        self.seen = seen
        self.asked = []

    def look(self, levels):
        self.asked.append(levels)
        return self.seen
