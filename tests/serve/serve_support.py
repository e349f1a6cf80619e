"""Views of one book, and readers that take messages of its stream."""

from __future__ import annotations

import orjson

from depthactors.book import BookState, BookView
from depthactors.serve.stream_name import Numbers, StreamName

NAME = StreamName("spot", "BTCUSDT", 100, 20, Numbers.TEXT)


def view_of(bids, asks, update_id=1, state=BookState.LIVE, number=float):
    """Return a view of these levels, dicts from price to quantity."""
    return BookView(
        "BTCUSDT",
        state,
        last_update_id=update_id,
        event_time=1_000 * update_id,
        recv_time=float(update_id),
        age=0.5,
        bids=tuple(sorted(bids.items(), reverse=True)),
        asks=tuple(sorted(asks.items())),
        number=number,
        decimals=(2, 1),
    )


def read(followed, encoded):
    """Let a reader take encoded messages."""
    for each in encoded:
        followed.take(orjson.loads(each))
