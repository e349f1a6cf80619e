"""Stop one of two streams by the name that starting it returned, while the other goes on."""

import threading

from depthactors import DepthCache, ThreadedDepthCacheManager


def main() -> None:
    """Follow two books, then only one of them."""
    both, one_more = threading.Event(), threading.Event()
    seen: set[str] = set()
    stopped: set[str] = set()

    def handle_depth_cache(depth_cache: DepthCache | dict[str, str] | None) -> None:
        if isinstance(depth_cache, dict):
            print(f"{depth_cache['type']}: {depth_cache['m']}")
            return
        if depth_cache is None:
            print("a stream is over")
            both.set()
            return
        if depth_cache.symbol in stopped:
            print(f"{depth_cache.symbol} was stopped, and this is never printed")
        seen.add(depth_cache.symbol)
        if len(seen) == 2:
            both.set()
        if stopped:
            one_more.set()

    manager = ThreadedDepthCacheManager()
    manager.start()
    try:
        btc = manager.start_depth_cache(handle_depth_cache, symbol="BTCUSDT", ws_interval=100)
        eth = manager.start_depth_cache(handle_depth_cache, symbol="ETHUSDT", ws_interval=100)
        both.wait(timeout=30)
        if len(seen) < 2:
            print("a book has no data")
            return
        print("both came")
        manager.stop_socket(btc)
        stopped.add("BTCUSDT")
        print(f"stopped {btc}, {eth} " + ("goes on" if one_more.wait(timeout=30) else "is silent"))
    finally:
        manager.stop()


if __name__ == "__main__":
    main()
