"""Live Binance order books for threaded Python: an actor a book, no asyncio.

Every error is in `depthactors.errors`; python-binance's names for some are in `depthactors.exceptions`.
"""

from depthactors import early_interrupt  # noqa: F401 - before everything that takes time to import

# isort: split
import logging
from typing import TYPE_CHECKING, NoReturn

from depthactors import markets
from depthactors.actors.book_event import BookEvent
from depthactors.actors.questions import Best, DepthTo, Full, Status, Top
from depthactors.book import BookState, BookView, OrderBook
from depthactors.book.delta import BookDelta
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
    # Hidden from type checkers, which report these names by themselves.

    def __getattr__(name: str) -> NoReturn:
        """Raise an error that names the replacement of a name of python-binance that this package does not have."""
        raise missing_in_module(__name__, name)


logging.getLogger(__name__).addHandler(logging.NullHandler())
