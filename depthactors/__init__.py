"""Live Binance order books for threaded Python: an actor a book, no asyncio."""

import logging
from typing import Any

from depthactors import markets
from depthactors.actors.messages import Best, BookEvent, DepthTo, Full, Status, Top
from depthactors.actors.rows import BookStatus, WorkerStatus
from depthactors.binance import (
    BinanceSocketManager,
    Client,
    DepthCache,
    DepthCacheManager,
    FuturesDepthCacheManager,
    OptionsDepthCacheManager,
    ThreadedDepthCacheManager,
)
from depthactors.book import BookState, BookView, OrderBook
from depthactors.engine import DepthEngine
from depthactors.handle import BookHandle
from depthactors.markets import Market
from depthactors.sharing import DepthReader, SharedBook
from depthactors.status import EngineStatus

__all__ = [
    "Best",
    "BinanceSocketManager",
    "BookEvent",
    "BookHandle",
    "BookState",
    "BookStatus",
    "BookView",
    "Client",
    "DepthCache",
    "DepthCacheManager",
    "DepthEngine",
    "DepthReader",
    "DepthTo",
    "EngineStatus",
    "Full",
    "FuturesDepthCacheManager",
    "Market",
    "OptionsDepthCacheManager",
    "OrderBook",
    "SharedBook",
    "Status",
    "ThreadedDepthCacheManager",
    "Top",
    "WorkerStatus",
    "markets",
]


def __getattr__(name: str) -> Any:
    """Tell programs that come from asyncio what there is instead."""
    if name == "AsyncClient":
        msg = "depthactors works in threads: use `client = Client()` in place of `await AsyncClient.create()`"
        raise ImportError(msg)
    msg = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(msg)


logging.getLogger(__name__).addHandler(logging.NullHandler())
