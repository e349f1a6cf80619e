"""Follows BTCUSDT with depthactors' ThreadedDepthCacheManager through whatever befalls it."""

import os
from decimal import Decimal

from faults_client import SYMBOL, Teller, port
from peer_client import LEVELS

from depthactors import ThreadedDepthCacheManager


def main():
    os.environ["DEPTHACTORS_EXCHANGE"] = f"http://127.0.0.1:{port()}"
    teller = Teller()

    def handle(cache):
        if cache is None or isinstance(cache, dict):
            teller.other(cache)
        else:
            view = cache.view(LEVELS)
            teller.book(view.last_update_id, view.bids, view.asks)

    manager = ThreadedDepthCacheManager()
    manager.start()
    manager.start_depth_cache(handle, symbol=SYMBOL, limit=20, conv_type=Decimal, ws_interval=100)
    teller.obey(manager)


if __name__ == "__main__":
    main()
