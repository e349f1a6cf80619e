"""Handle the three things that a callback gets: a depth cache, an error dict, and the None that ends a stream."""

import sys
import threading

from depthactors import DepthCache, ThreadedDepthCacheManager


def main(seconds: float = 60.0, max_reconnects: int = 5) -> None:
    """Follow a symbol that does not exist, then BTCUSDT for some seconds; once more if it is given up."""
    given_up = threading.Event()

    def handle_depth_cache(depth_cache: DepthCache | dict[str, str] | None) -> None:
        if depth_cache is None:
            print("None: this stream is over and can be started anew", flush=True)
            given_up.set()
        elif isinstance(depth_cache, dict):
            print(f"{depth_cache['type']}: {depth_cache['m']}", flush=True)
        else:
            print(f"{depth_cache.symbol} {depth_cache.get_bids(1)} {depth_cache.get_asks(1)}", flush=True)

    manager = ThreadedDepthCacheManager(max_reconnects=max_reconnects)
    manager.start()
    try:
        for symbol in ("NOSUCHCOIN", "BTCUSDT", "BTCUSDT"):
            given_up.clear()
            print("starting", symbol, flush=True)
            name = manager.start_depth_cache(handle_depth_cache, symbol=symbol)
            if not given_up.wait(timeout=seconds):
                break
            manager.stop_socket(name)
    finally:
        manager.stop()


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
