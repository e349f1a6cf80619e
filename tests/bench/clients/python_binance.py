"""python-binance's threaded manager; only its two addresses are changed."""

import os
import sys

from binance import BinanceSocketManager, ThreadedDepthCacheManager
from binance.base_client import BaseClient
from meter import Meter


def main(port, *symbols):
    BaseClient.API_URL = f"http://127.0.0.1:{port}/api"
    BinanceSocketManager.STREAM_URL = f"ws://127.0.0.1:{port}/"
    meter = Meter(symbols)

    def handle(cache):
        if isinstance(cache, dict):
            sys.stderr.write(f"{cache}\n")
            return
        _ = cache.get_bids()[:5], cache.get_asks()[:5]
        meter.saw(cache.symbol, cache.update_time)

    manager = ThreadedDepthCacheManager()
    manager.daemon = True
    manager.start()
    for symbol in symbols:
        manager.start_depth_cache(handle, symbol=symbol, limit=1000, ws_interval=100)
    meter.run()
    # Its threads do not all end when they are asked to.
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main(*sys.argv[1:])
