"""Wait in join() until Ctrl-C, or a callback that has seen enough, stops every stream at once."""

import sys

from depthactors import DepthCache, ThreadedDepthCacheManager


def main(updates: int = 100) -> None:
    """Follow three books until so many updates have come for one of them."""
    counts: dict[str, int] = {}
    manager = ThreadedDepthCacheManager()

    def handle_depth_cache(depth_cache: DepthCache | dict[str, str] | None) -> None:
        if not isinstance(depth_cache, DepthCache):
            print(f"error: {depth_cache}")
            return
        counts[depth_cache.symbol] = counts.get(depth_cache.symbol, 0) + 1
        if counts[depth_cache.symbol] == 1:
            print(f"{depth_cache.symbol} is followed", flush=True)
        if counts[depth_cache.symbol] == updates:
            manager.stop()

    manager.start()
    try:
        for symbol in ("BTCUSDT", "ETHUSDT", "BNBUSDT"):
            manager.start_depth_cache(handle_depth_cache, symbol=symbol, ws_interval=100)
        manager.join()
        print("stopped by a callback")
    except KeyboardInterrupt:
        print("stopped by Ctrl-C")
    finally:
        manager.stop()
    print("running:", manager.is_alive())


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
