"""Choose how often a book is checked against a fresh snapshot: each half hour as usual, another interval, never."""

import sys
import threading

from depthactors import DepthCache, ThreadedDepthCacheManager


def main(refreshes: int = 2, refresh_interval: float = 10.0) -> None:
    """Follow three books until the second one was refreshed `refreshes` times, then print the count of each."""
    live: dict[str, threading.Event] = {symbol: threading.Event() for symbol in ("BTCUSDT", "ETHUSDT", "BNBUSDT")}

    def handle_depth_cache(depth_cache: DepthCache | dict[str, str] | None) -> None:
        if isinstance(depth_cache, DepthCache):
            live[depth_cache.symbol].set()

    manager = ThreadedDepthCacheManager()
    manager.start()
    try:
        manager.start_depth_cache(handle_depth_cache, symbol="BTCUSDT")
        manager.start_depth_cache(handle_depth_cache, symbol="ETHUSDT", refresh_interval=refresh_interval)
        manager.start_depth_cache(handle_depth_cache, symbol="BNBUSDT", refresh_interval=0)
        for symbol, event in live.items():
            print(f"{symbol} is {'live' if event.wait(timeout=30) else 'not live'}", flush=True)
        print(f"fresh snapshots of ETHUSDT, one in about {refresh_interval:g} s:", flush=True)
        counted = 0
        while manager.is_alive() and counted < refreshes:
            manager.join(timeout=0.2)
            books = {book.symbol: book for book in manager.status().books}
            if (now := books["ETHUSDT"].counters.refreshes) > counted:
                counted = now
                print(f"ETHUSDT refreshes: {counted}", flush=True)
        for book in manager.status().books:
            print(f"{book.symbol} {book.state} {book.counters.refreshes} refreshes")
    finally:
        manager.stop()


if __name__ == "__main__":
    given = sys.argv[1:]
    main(int(given[0]) if given else 2, float(given[1]) if given[1:] else 10.0)
