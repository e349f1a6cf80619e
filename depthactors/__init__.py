"""Live Binance order books for threaded Python: an actor a book, no asyncio.

Every error is in `depthactors.errors`; python-binance's names for some are in `depthactors.exceptions`.
"""

import logging
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
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
from depthactors.binance.missing import missing_in_module
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
    """Say of names that python-binance has, and this package has not, where they are or what there is instead."""
    if name == "__version__":
        with suppress(PackageNotFoundError):
            return version(__name__)
    raise missing_in_module(__name__, name)


logging.getLogger(__name__).addHandler(logging.NullHandler())
