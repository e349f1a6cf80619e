"""Live Binance order books for threaded Python: an actor a book, no asyncio.

Every error is in `depthactors.errors`; python-binance's names for some are in `depthactors.exceptions`.
"""

import logging
from typing import TYPE_CHECKING, NoReturn

from depthactors import markets
from depthactors.actors.book_event import BookEvent
from depthactors.actors.questions import Best, DepthTo, Full, Status, Top
from depthactors.book import BookState, BookView, OrderBook
from depthactors.engine.depth_engine import DepthEngine
from depthactors.engine.handle import BookHandle
from depthactors.markets import Market
from depthactors.python_binance import (
    BinanceSocketManager,
    Client,
    DepthCache,
    DepthCacheManager,
    FuturesDepthCacheManager,
    OptionsDepthCacheManager,
    ThreadedDepthCacheManager,
)
from depthactors.python_binance.missing import missing_in_module
from depthactors.sharing import DepthReader, SharedBook
from depthactors.status import BookStatus, EngineStatus, WorkerStatus
from depthactors.version import VERSION

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


__version__ = VERSION

if not TYPE_CHECKING:
    # Out of sight of type checkers, which find these names missing by themselves.

    def __getattr__(name: str) -> NoReturn:
        """Say of names that python-binance has, and this package has not, where they are or what there is instead."""
        raise missing_in_module(__name__, name)


logging.getLogger(__name__).addHandler(logging.NullHandler())
