"""Choose how often a book is checked against a fresh snapshot: each half hour as usual, another interval, never."""

import sys
import threading

from depthactors import DepthCache, ThreadedDepthCacheManager


def main(seconds: float = 30.0, refresh_interval: float = 10.0) -> None:
    """Follow three books for so many seconds, then print how many snapshots each has used."""
    came: dict[str, threading.Event] = {symbol: threading.Event() for symbol in ("BTCUSDT", "ETHUSDT", "BNBUSDT")}

    def handle_depth_cache(depth_cache: DepthCache | dict[str, str] | None) -> None:
        if isinstance(depth_cache, DepthCache):
            came[depth_cache.symbol].set()

    manager = ThreadedDepthCacheManager()
    manager.start()
    try:
        manager.start_depth_cache(handle_depth_cache, symbol="BTCUSDT")
        manager.start_depth_cache(handle_depth_cache, symbol="ETHUSDT", refresh_interval=refresh_interval)
        manager.start_depth_cache(handle_depth_cache, symbol="BNBUSDT", refresh_interval=0)
        for event in came.values():
            event.wait(timeout=30)
        manager.join(timeout=seconds)
        for book in manager.status().books:
            print(f"{book.symbol} {book.state} {book.counters.refreshes} refreshes")
    finally:
        manager.stop()


if __name__ == "__main__":
    main(*map(float, sys.argv[1:]))
