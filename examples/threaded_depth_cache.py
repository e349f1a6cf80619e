"""Follow a spot book with a callback, in a program written for python-binance: only the import differs."""

import sys
import threading

from depthactors import DepthCache, ThreadedDepthCacheManager


def main(updates: int = 5) -> None:
    """Print the best prices of a number of updates, then stop."""
    enough = threading.Event()
    seen = []

    def handle_depth_cache(depth_cache: DepthCache | dict[str, str] | None) -> None:
        if isinstance(depth_cache, dict):
            print(f"{depth_cache['type']}: {depth_cache['m']}")
            return
        if depth_cache is None:
            print("the stream is over")
            enough.set()
            return
        bid, ask = depth_cache.get_bids(1)[0], depth_cache.get_asks(1)[0]
        print(f"{depth_cache.symbol} bid {bid} ask {ask}")
        seen.append(depth_cache.update_time)
        if len(seen) >= updates:
            enough.set()

    manager = ThreadedDepthCacheManager()
    manager.start()
    try:
        name = manager.start_depth_cache(handle_depth_cache, symbol="BTCUSDT", ws_interval=100)
        enough.wait(timeout=60)
        manager.stop_socket(name)
    finally:
        manager.stop()


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
