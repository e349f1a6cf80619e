"""python-binance: its manager's own way to apply an event, and its cache's to read the best levels."""

import orjson
from binance.ws.depthcache import DepthCache, DepthCacheManager

DISTRIBUTION = "python-binance"


def follow(_market, symbol, snapshot, *, read=True):
    # The manager itself wants a client and an event loop; these two are all that it uses for an event.
    manager = DepthCacheManager.__new__(DepthCacheManager)
    manager._depth_cache = cache = DepthCache(symbol)
    manager._apply_orders(snapshot)

    def take(frame):
        manager._apply_orders(orjson.loads(frame)["data"])
        return (cache.get_bids()[:5], cache.get_asks()[:5]) if read else None

    return take
