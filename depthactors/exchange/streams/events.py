"""From one step of a feed to the events of each stream."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from depthactors.exchange.shapes.table import shape_of
from depthactors.exchange.streams.kinds import DiffStream, StreamKind, TickerStream

if TYPE_CHECKING:
    from collections.abc import Sequence

    from depthactors.exchange.feeds.depth_event import DepthEvent, Step
    from depthactors.exchange.feeds.feed import Feed


class Sent(NamedTuple):
    """An event that a stream sends.

    Attributes:
        payload: JSON without an envelope.
        time_us: the event's time, in microseconds since the epoch; `None` for an event without a time.
    """

    payload: bytes
    time_us: int | None


def events(feed: Feed, kind: StreamKind, step: Step) -> Sequence[Sent]:
    """Return the events that a stream of the feed sends after a step.

    Slower streams have no state of their own: their events are merged from the feed's events since they
    were last due, with or without a listener.
    """
    if isinstance(kind, TickerStream):
        return [Sent(ticker, None) for ticker in step.tickers]
    if kind.interval <= feed.interval or not feed.interval:
        changes = [] if step.event is None else [step.event]
    else:
        before = _last_due(step.number, feed.interval, kind.interval)
        changes = [] if before is None else feed.since(before)
    if not changes:
        return ()
    if isinstance(kind, DiffStream):
        return (Sent(changes[0].payload if len(changes) == 1 else _merged(feed, changes), changes[-1].time_us),)
    ids = _ids(changes)
    return (Sent(shape_of(feed.market).partial(feed.symbol, feed.present(kind.levels), ids), None),)


def _last_due(number: int, step: int, interval: int) -> int | None:
    """Return the step at which a stream was last due before this one; `None` if it is not due now.

    A stream is due at the first step that reaches the next multiple of its interval: a stream of 250 ms
    is due at steps 3, 5, 8, 10... of 100 ms.
    """
    turn = number * step // interval
    if turn == (number - 1) * step // interval:
        return None
    return -(-(turn - 1) * interval // step)


def _merged(feed: Feed, changes: Sequence[DepthEvent]) -> bytes:
    """Merge many events into one: for each price the last quantity."""
    bids: dict[str, str] = {}
    asks: dict[str, str] = {}
    for change in changes:
        event: dict[str, Any] = change.decoded()
        bids.update(event["b"])
        asks.update(event["a"])
    return shape_of(feed.market).diff(
        feed.symbol,
        changes[-1].time_us,
        _ids(changes),
        sorted(bids.items(), key=lambda level: -float(level[0])),
        sorted(asks.items(), key=lambda level: float(level[0])),
    )


def _ids(changes: Sequence[DepthEvent]) -> tuple[int, int, int]:
    return changes[0].first_id, changes[-1].last_id, changes[0].previous_id
