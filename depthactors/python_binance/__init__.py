"""The drop-in: python-binance's depth-cache surface, without asyncio."""

from depthactors.python_binance.client import Client
from depthactors.python_binance.depth_cache import DepthCache
from depthactors.python_binance.managers import DepthCacheManager, FuturesDepthCacheManager, OptionsDepthCacheManager
from depthactors.python_binance.socket_manager import BinanceSocketManager
from depthactors.python_binance.threaded import ThreadedDepthCacheManager

__all__ = [
    "BinanceSocketManager",
    "Client",
    "DepthCache",
    "DepthCacheManager",
    "FuturesDepthCacheManager",
    "OptionsDepthCacheManager",
    "ThreadedDepthCacheManager",
]
