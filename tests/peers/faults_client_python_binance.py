"""Follows BTCUSDT with python-binance's ThreadedDepthCacheManager; only its two addresses are changed."""

from decimal import Decimal

from binance import BinanceSocketManager
from binance.base_client import BaseClient
from faults_client import SYMBOL, Teller, port
from python_binance_client import IdTellingManager


def main():
    BaseClient.API_URL = f"http://127.0.0.1:{port()}/api"
    BinanceSocketManager.STREAM_URL = f"ws://127.0.0.1:{port()}/"
    teller = Teller()

    def handle(manager, cache):
        if cache is None or isinstance(cache, dict):
            teller.other(cache)
        else:
            teller.book(manager._last_update_id, cache.get_bids(), cache.get_asks())

    manager = IdTellingManager()
    # Else a thread that does not end would keep the program from ending.
    manager.daemon = True
    manager.start()
    manager.start_depth_cache(handle, symbol=SYMBOL, limit=1000, conv_type=Decimal, ws_interval=100)
    teller.obey(manager)


if __name__ == "__main__":
    main()
