"""From one step of a feed to the events of each stream. Pure but for the feed that is asked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from depthactors.exchange import shapes
from depthactors.exchange.streams.kinds import Diff, Partial, StreamKind, Ticker

if TYPE_CHECKING:
    from collections.abc import Sequence

    from depthactors.exchange.feeds.feed import Feed
    from depthactors.exchange.feeds.tick import Step, Tick


class Sent(NamedTuple):
    """An event that a stream sends: JSON without an envelope, and its time in microseconds where it tells one."""

    payload: bytes
    time_us: int | None


def events(feed: Feed, kind: StreamKind, step: Step) -> Sequence[Sent]:
    """Return the events that a stream of the feed sends after a step.

    The slower streams have no state of their own: their events are merged from the ticks since they
    were last due, whether anybody listened then or not.
    """
    if isinstance(kind, Ticker):
        return [Sent(ticker, None) for ticker in step.tickers]
    if kind.interval <= feed.interval or not feed.interval:
        ticks = [] if step.tick is None else [step.tick]
    else:
        before = _last_due(step.number, feed.interval, kind.interval)
        ticks = [] if before is None else feed.since(before)
    if not ticks:
        return ()
    if isinstance(kind, Diff):
        return (Sent(ticks[0].event if len(ticks) == 1 else _merged(feed, ticks), ticks[-1].time_us),)
    return (Sent(_partial(feed, kind, ticks), None),)


def _last_due(number: int, step: int, interval: int) -> int | None:
    """Return the step at which a stream was due last, before this one; `None` if it is not due now.

    A stream is due at the first step that reaches the next multiple of its interval, so one of 250 ms
    is due at steps 3, 5, 8, 10... of 100 ms.
    """
    turn = number * step // interval
    if turn == (number - 1) * step // interval:
        return None
    return -(-(turn - 1) * interval // step)


def _merged(feed: Feed, ticks: Sequence[Tick]) -> bytes:
    """Make one event of many: for each price the last quantity."""
    bids: dict[str, str] = {}
    asks: dict[str, str] = {}
    for tick in ticks:
        event: dict[str, Any] = tick.decoded()
        bids.update(event["b"])
        asks.update(event["a"])
    return shapes.diff(
        feed.market,
        feed.symbol,
        ticks[-1].time_us,
        _ids(ticks),
        sorted(bids.items(), key=lambda level: -float(level[0])),
        sorted(asks.items(), key=lambda level: float(level[0])),
    )


def _partial(feed: Feed, kind: Partial, ticks: Sequence[Tick]) -> bytes:
    return shapes.partial(feed.market, feed.symbol, feed.present(kind.levels), _ids(ticks))


def _ids(ticks: Sequence[Tick]) -> tuple[int, int, int]:
    return ticks[0].first_id, ticks[-1].last_id, ticks[0].previous_id
