"""The drop-in: python-binance's depth-cache surface, without asyncio."""

from depthactors.binance.depth_cache import DepthCache
from depthactors.binance.threaded import ThreadedDepthCacheManager

__all__ = ["DepthCache", "ThreadedDepthCacheManager"]
