"""One stream that a client may listen to."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from depthactors.exchange.feeds.feed import Feed
    from depthactors.exchange.streams.kinds import StreamKind


class Subscription(NamedTuple):
    """One stream that a client may listen to.

    Attributes:
        name: the stream's name, as the client wrote it.
        feed: the source of its events.
        kind: what its events contain.
    """

    name: str
    feed: Feed
    kind: StreamKind
