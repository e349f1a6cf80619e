"""Live Binance order books for threaded Python: an actor a book, no asyncio.

Every error is in `depthactors.errors`; python-binance's names for some are in `depthactors.exceptions`.
"""

from depthactors import early_interrupt  # noqa: F401 - before everything that takes time to import

# isort: split
import logging
from typing import TYPE_CHECKING

from depthactors.on_demand import on_demand
from depthactors.python_binance.missing import missing_in_module
from depthactors.version import VERSION

if TYPE_CHECKING:
    from depthactors import markets
    from depthactors.actors.book_event import BookEvent
    from depthactors.actors.questions import Best, DepthTo, Full, Status, Top
    from depthactors.book import BookState, BookView, OrderBook
    from depthactors.book.delta import BookDelta
    from depthactors.engine.depth_engine import DepthEngine
    from depthactors.engine.handle import BookHandle
    from depthactors.markets import Market
    from depthactors.python_binance.client import Client
    from depthactors.python_binance.depth_cache import DepthCache
    from depthactors.python_binance.managers import (
        DepthCacheManager,
        FuturesDepthCacheManager,
        OptionsDepthCacheManager,
    )
    from depthactors.python_binance.socket_manager import BinanceSocketManager
    from depthactors.python_binance.threaded import ThreadedDepthCacheManager
    from depthactors.sharing import DepthReader, SharedBook
    from depthactors.status import BookStatus, EngineStatus, WorkerStatus

__all__ = [
    "Best",
    "BinanceSocketManager",
    "BookDelta",
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
    # A type checker knows the names from above, and reports any other one by itself.
    __getattr__, __dir__ = on_demand(
        __name__,
        {
            "Best": "actors.questions",
            "BinanceSocketManager": "python_binance.socket_manager",
            "BookDelta": "book.delta",
            "BookEvent": "actors.book_event",
            "BookHandle": "engine.handle",
            "BookState": "book",
            "BookStatus": "status",
            "BookView": "book",
            "Client": "python_binance.client",
            "DepthCache": "python_binance.depth_cache",
            "DepthCacheManager": "python_binance.managers",
            "DepthEngine": "engine.depth_engine",
            "DepthReader": "sharing",
            "DepthTo": "actors.questions",
            "EngineStatus": "status",
            "Full": "actors.questions",
            "FuturesDepthCacheManager": "python_binance.managers",
            "Market": "markets",
            "OptionsDepthCacheManager": "python_binance.managers",
            "OrderBook": "book",
            "SharedBook": "sharing",
            "Status": "actors.questions",
            "ThreadedDepthCacheManager": "python_binance.threaded",
            "Top": "actors.questions",
            "WorkerStatus": "status",
            "errors": "errors",
            "exceptions": "exceptions",
            "markets": "markets",
            "recording": "recording",
        },
        missing=missing_in_module,
    )


logging.getLogger(__name__).addHandler(logging.NullHandler())
