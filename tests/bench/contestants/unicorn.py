"""unicorn-binance-local-depth-cache: its manager's own way to apply an event and to read the best levels."""

import orjson
from unicorn_binance_local_depth_cache import BinanceLocalDepthCacheManager

DISTRIBUTION = "unicorn-binance-local-depth-cache"


def follow(_market, symbol, snapshot, *, read=True):
    # Made without its connections and threads.
    manager = BinanceLocalDepthCacheManager.__new__(BinanceLocalDepthCacheManager)
    manager.depth_caches, manager.threading_lock_ask, manager.threading_lock_bid = {}, {}, {}
    manager.default_refresh_interval, manager.stop_request = None, False
    manager._add_depthcache(market=symbol)
    manager._apply_updates(asks=snapshot["asks"], bids=snapshot["bids"], market=symbol)
    manager.depth_caches[symbol.lower()]["is_synchronized"] = True

    def take(frame):
        event = orjson.loads(frame)["data"]
        manager._apply_updates(asks=event["a"], bids=event["b"], market=symbol)
        manager.depth_caches[symbol.lower()]["last_update_id"] = int(event["u"])
        if not read:
            return None
        return manager.get_bids(market=symbol, limit_count=5), manager.get_asks(market=symbol, limit_count=5)

    return take
