"""The drop-in manager: a program written for python-binance with one import changed."""

import os
import sys

from meter import Meter, coalesced

from depthactors import ThreadedDepthCacheManager


def main(port, *symbols):
    os.environ["DEPTHACTORS_EXCHANGE"] = f"http://127.0.0.1:{port}"

    def handle(cache):
        if isinstance(cache, dict):
            sys.stderr.write(f"{cache}\n")
            return
        _ = cache.get_bids()[:5], cache.get_asks()[:5]
        meter.saw(cache.symbol, cache.update_time)

    manager = ThreadedDepthCacheManager()
    meter = Meter(symbols, coalesced=lambda: coalesced(manager))
    manager.start()
    for symbol in symbols:
        manager.start_depth_cache(handle, symbol=symbol, ws_interval=100)
    meter.run()
    manager.stop()


if __name__ == "__main__":
    main(*sys.argv[1:])
