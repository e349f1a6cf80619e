"""What REST faults do to depth requests: to the book that is shown, and to the reply."""

from __future__ import annotations

from dataclasses import replace
from math import ceil
from random import Random
from typing import TYPE_CHECKING, Final

from depthactors import reporting
from depthactors.exchange.rest.reply import Reply, error_body, retry_after
from depthactors.exchange.rest.weights import Charge

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from depthactors.dispatcher import Clock
    from depthactors.exchange.fault import Fault
    from depthactors.exchange.feeds.feed import Feed
    from depthactors.exchange.shapes.depth import Depth

logger = reporting.logger(__name__)

FIREWALL_PAGE: Final = b"<html><head><title>403 Forbidden</title></head><body><h1>403 Forbidden</h1></body></html>"
LIMITING: Final = frozenset({"429", "418", "429-date", "418-body"})
"""Kinds that refuse a request as one of too much weight; behind the status: how the time to wait is sent."""


class DepthFaults:
    """The books that depth requests get, with the faults that strike them. Thread: any."""

    def __init__(self, another: Callable[[Feed], Feed | None], clock: Clock) -> None:
        """Begin without a cached book.

        Args:
            another: returns the feed of another symbol of the same market, for `mismatch`.
            clock: the time by which `cached-snapshot` lasts.
        """
        self._another = another
        self._clock = clock
        self._cached: dict[Feed, tuple[float, Depth]] = {}
        self._draws: dict[Fault, Random] = {}

    def depth(self, feed: Feed, limit: int, faults: Iterable[Fault]) -> Depth:
        """Return the book for a request of `limit` levels a side, with the faults that strike it."""
        depth = self._book(feed, limit, {fault.kind for fault in faults})
        cut = {"bid": len(depth.bids), "ask": len(depth.asks)}
        for fault in faults:
            if fault.kind == "empty-snapshot":
                cut = dict.fromkeys(cut, 0)
            elif fault.kind == "cached-snapshot":
                self._cached[feed] = (
                    self._clock.monotonic() + fault.seconds,
                    self._book(feed, feed.market.max_limit, set()),
                )
            elif fault.kind == "capped" and limit > fault.above:
                most = fault.levels if fault.levels is not None else self._draw(fault, limit)
                cut |= {side: min(cut[side], most) for side in ([fault.side] if fault.side is not None else cut)}
        until, cached = self._cached.get(feed, (0.0, depth))
        if self._clock.monotonic() < until:
            depth = cached
            cut = {side: min(levels, limit) for side, levels in cut.items()}
        return replace(depth, bids=depth.bids[: cut["bid"]], asks=depth.asks[: cut["ask"]])

    def _draw(self, fault: Fault, limit: int) -> int:
        draws = self._draws.setdefault(fault, Random(f"{fault.seed}/levels"))  # noqa: S311 - a game, not a secret
        return draws.randint(1, max(1, limit))

    def _book(self, feed: Feed, limit: int, kinds: set[str]) -> Depth:
        if "mismatch" in kinds:
            other = self._another(feed)
            if other is None:
                logger.warning("expected a second symbol of %s for a mismatch, was none", feed.market.name)
            else:
                return other.snapshot(limit)
        return feed.stale(limit) if "stale" in kinds else feed.snapshot(limit)


def limited(charge: Charge, faults: Iterable[Fault]) -> tuple[Charge, str]:
    """Return the charge of a request with the limiting faults that strike it, and how the time to wait is sent.

    The second value is "date" or "body", or nothing for the usual number of seconds in `Retry-After`.
    """
    form = ""
    for fault in faults:
        if fault.kind in LIMITING:
            form, charge = fault.kind[4:], Charge(charge.used, int(fault.kind[:3]), ceil(fault.seconds))
    return charge, form


def spoilt(reply: Reply, faults: Iterable[Fault]) -> Reply:
    """Return what is sent instead of a reply, with the faults that strike it."""
    for fault in faults:
        match fault.kind:
            case "403":
                return Reply(403, FIREWALL_PAGE, retry_after(ceil(fault.seconds)), media="text/html")
            case "500":
                body = error_body(-1000, "An unknown error occurred while processing the request.")
                return Reply(500, body, reply.headers)
            case "time-out":
                return reply._replace(pause=fault.seconds, cut=0)
            case "truncate":
                return reply._replace(cut=len(reply.body) // 2)
    return reply
