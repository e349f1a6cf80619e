"""The local exchange: a small Binance on the loopback interface, in threads, for tests and demos.

`LocalExchange` serves REST and streams of every market from recordings or from a seeded order
flow, knows the exact book after every event (`book_at`), and misbehaves on request (`Fault`).

The folders, from the bottom: `shapes` (symbols, numbers, events and replies of each family of markets), `feeds` (where
prices come from), `streams` (which client gets which event), `rest` (replies), `server` (sockets).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from depthactors.on_demand import on_demand

if TYPE_CHECKING:
    from depthactors.exchange.fault import KINDS, Fault
    from depthactors.exchange.feeds.feed import Feed
    from depthactors.exchange.feeds.truth import BookTruth
    from depthactors.exchange.limits import Limits
    from depthactors.exchange.local import LocalExchange

__all__ = ["KINDS", "BookTruth", "Fault", "Feed", "Limits", "LocalExchange"]

if not TYPE_CHECKING:
    __getattr__, __dir__ = on_demand(
        __name__,
        {
            "KINDS": "fault",
            "BookTruth": "feeds.truth",
            "Fault": "fault",
            "Feed": "feeds.feed",
            "Limits": "limits",
            "LocalExchange": "local",
        },
        extra="demo",
        needs={"LocalExchange": ["websockets"]},
    )
