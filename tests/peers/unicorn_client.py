"""Follows spot books with unicorn-binance-local-depth-cache; only its two addresses are changed."""

from peer_client import LEVELS, Reporter, arguments
from unicorn_binance_local_depth_cache import BinanceLocalDepthCacheManager, DepthCacheOutOfSync
from unicorn_binance_rest_api import BinanceRestApiManager
from unicorn_binance_websocket_api.connection_settings import CONNECTION_SETTINGS

POLL_INTERVAL = 0.01
"""Seconds; the peer has nothing that tells of a change."""


def view(caches, symbol):
    """Return a symbol's update id and best levels, `None` before they are in sync."""
    try:
        bids = caches.get_bids(symbol, limit_count=LEVELS)
        asks = caches.get_asks(symbol, limit_count=LEVELS)
    except DepthCacheOutOfSync:
        return None
    return caches.depth_caches[symbol.lower()]["last_update_id"], bids, asks


def main():
    given = arguments()
    BinanceRestApiManager.API_URL = f"http://127.0.0.1:{given.port}/api"
    streams, _, _ = CONNECTION_SETTINGS["binance.com"]
    CONNECTION_SETTINGS["binance.com"] = (streams, f"ws://127.0.0.1:{given.port}/", None)
    reporter = Reporter(given)
    # Named an exchange, this manager would put its own address back.
    rest = BinanceRestApiManager(tld="com", warn_on_update=False, disable_colorama=True)
    with BinanceLocalDepthCacheManager(
        exchange="binance.com",
        ubra_manager=rest,
        depth_cache_update_interval=100,
        warn_on_update=False,
        disable_colorama=True,
    ) as caches:
        caches.create_depthcache(markets=given.symbols)
        before = {}
        while not reporter.finished.wait(POLL_INTERVAL):
            for symbol in given.symbols:
                now = view(caches, symbol)
                # Sides and id are written one after the other: only what has held still belongs together.
                if now is not None and now == before.get(symbol) and reporter.wants(symbol):
                    reporter.book(symbol, *now)
                before[symbol] = now


if __name__ == "__main__":
    main()
