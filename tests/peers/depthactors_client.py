"""Follows spot books with depthactors' ThreadedDepthCacheManager, beside the others."""

import os
from decimal import Decimal

from peer_client import LEVELS, Reporter, arguments

from depthactors import ThreadedDepthCacheManager


def main():
    given = arguments()
    os.environ["DEPTHACTORS_EXCHANGE"] = f"http://127.0.0.1:{given.port}"
    reporter = Reporter(given)

    def handle(cache):
        if isinstance(cache, dict):
            reporter.note(f"{cache['type']}: {cache['m']}")
        elif reporter.wants(cache.symbol):
            view = cache.view(LEVELS)
            reporter.book(cache.symbol, view.last_update_id, view.bids, view.asks)

    with ThreadedDepthCacheManager() as manager:
        for symbol in given.symbols:
            manager.start_depth_cache(handle, symbol=symbol, limit=LEVELS, conv_type=Decimal, ws_interval=100)
        reporter.finished.wait()


if __name__ == "__main__":
    main()
