"""The drop-in: python-binance's depth-cache surface, without asyncio."""

from depthactors.binance.client import Client
from depthactors.binance.depth_cache import DepthCache
from depthactors.binance.managers import DepthCacheManager, FuturesDepthCacheManager, OptionsDepthCacheManager
from depthactors.binance.socket_manager import BinanceSocketManager
from depthactors.binance.threaded import ThreadedDepthCacheManager

__all__ = [
    "BinanceSocketManager",
    "Client",
    "DepthCache",
    "DepthCacheManager",
    "FuturesDepthCacheManager",
    "OptionsDepthCacheManager",
    "ThreadedDepthCacheManager",
]
