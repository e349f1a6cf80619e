"""Live Binance order books for threaded Python: an actor a book, no asyncio."""

import logging

from depthactors import markets
from depthactors.actors.messages import Best, BookEvent, BookStatus, DepthTo, Full, Status, Top
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
from depthactors.engine import DepthEngine, EngineStatus
from depthactors.handle import BookHandle
from depthactors.markets import Market

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
    "DepthTo",
    "EngineStatus",
    "Full",
    "FuturesDepthCacheManager",
    "Market",
    "OptionsDepthCacheManager",
    "OrderBook",
    "Status",
    "ThreadedDepthCacheManager",
    "Top",
    "markets",
]

logging.getLogger(__name__).addHandler(logging.NullHandler())
