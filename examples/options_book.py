"""Follow the book of an option, with a callback and with recv(); options expire, so say which as the argument."""

import sys
import threading
from decimal import Decimal

from depthactors import DepthCache, OptionsDepthCacheManager, ThreadedDepthCacheManager


def main(symbol: str = "BTC-261225-100000-C") -> None:
    """Print the touch of one option twice, in exact decimals."""
    enough = threading.Event()

    def handle_depth_cache(depth_cache: DepthCache | dict[str, str] | None) -> None:
        if isinstance(depth_cache, DepthCache):
            # A side of an option's book may well be empty.
            print("callback", depth_cache.symbol, *depth_cache.get_bids(1), *depth_cache.get_asks(1))
        else:
            print("callback", depth_cache)
        enough.set()

    manager = ThreadedDepthCacheManager()
    manager.start()
    try:
        name = manager.start_options_depth_socket(handle_depth_cache, symbol=symbol, conv_type=Decimal)
        enough.wait(timeout=30)
        manager.stop_socket(name)
    finally:
        manager.stop()

    with OptionsDepthCacheManager(symbol=symbol, limit=10, conv_type=Decimal) as dcm:
        depth_cache = dcm.recv(timeout=30)
        if isinstance(depth_cache, DepthCache):
            print("recv", depth_cache.symbol, *depth_cache.get_bids(1), *depth_cache.get_asks(1))
        else:
            print("recv", depth_cache)


if __name__ == "__main__":
    main(*sys.argv[1:])
