"""Follows spot books with python-binance's ThreadedDepthCacheManager; only its two addresses are changed."""

from decimal import Decimal

from binance import BinanceSocketManager, ThreadedDepthCacheManager
from binance.base_client import BaseClient
from peer_client import Reporter, arguments

STOPPING_PATIENCE = 5.0


class IdTellingManager(ThreadedDepthCacheManager):
    """Passes callbacks the book's manager, too: only that one knows the update id."""

    async def start_listener(self, socket, path, callback):
        await super().start_listener(socket, path, lambda cache: callback(socket, cache))


def main():
    given = arguments()
    BaseClient.API_URL = f"http://127.0.0.1:{given.port}/api"
    BinanceSocketManager.STREAM_URL = f"ws://127.0.0.1:{given.port}/"
    reporter = Reporter(given)

    def handle(manager, cache):
        if isinstance(cache, dict):
            reporter.note(f"{cache.get('type')}: {cache.get('m')}")
        elif reporter.wants(cache.symbol):
            reporter.book(cache.symbol, manager._last_update_id, cache.get_bids(), cache.get_asks())

    manager = IdTellingManager()
    manager.daemon = True
    manager.start()
    for symbol in given.symbols:
        # The largest book that the other peers ask for, too; the default would be ten levels.
        manager.start_depth_cache(handle, symbol=symbol, limit=1000, conv_type=Decimal, ws_interval=100)
    reporter.finished.wait()
    manager.stop()
    manager.join(STOPPING_PATIENCE)


if __name__ == "__main__":
    main()
