"""A recording of a made-up market, from a seed, where there is none of a real one."""

from __future__ import annotations

import gzip
from pathlib import Path

from depthactors import markets
from depthactors.exchange.feeds.repeated_events import RepeatedEvents
from depthactors.exchange.feeds.repeated_feed import RepeatedFeed
from depthactors.exchange.shapes.table import shape_of

SYMBOL = "S0USDT"


def make_recording(path, *, events=2000, seed=1, levels=35, depth=1000) -> None:
    """Write a snapshot and so many spot events of so many level changes, a tenth of a second apart."""
    # A book is about as deep as asked for, and the snapshot is to be whole.
    tape = RepeatedEvents(markets.SPOT, events, seed=seed, levels=levels, depth=depth + depth // 4)
    feed = RepeatedFeed(SYMBOL, markets.SPOT, tape, seed=seed)
    lines = [b"0 %b\n" % shape_of(markets.SPOT).depth_reply(SYMBOL, feed.present(depth))]
    for number in range(1, events + 1):
        values = (number * 100_000_000, SYMBOL.lower().encode(), feed.step(tickers=False).event.payload)
        lines.append(b'%d {"stream":"%b@depth@100ms","data":%b}\n' % values)
    Path(path).write_bytes(gzip.compress(b"".join(lines), 1))
