"""Wait in join() until Ctrl-C, or a callback that has seen enough, stops every stream at once."""

import sys

from depthactors import DepthCache, ThreadedDepthCacheManager

SYMBOLS = ("BTCUSDT", "ETHUSDT", "BNBUSDT")


def main(updates: int = 100) -> None:
    """Follow three books until one of them has had this number of updates."""
    counts: dict[str, int] = {}
    over: list[str] = []
    manager = ThreadedDepthCacheManager()

    def handle_depth_cache(depth_cache: DepthCache | dict[str, str] | None) -> None:
        if isinstance(depth_cache, dict):
            print(f"{depth_cache['type']}: {depth_cache['m']}")
            return
        if depth_cache is None:
            over.append("a stream")
            if len(over) == len(SYMBOLS):
                print("all streams are over")
                manager.stop()
            return
        counts[depth_cache.symbol] = counts.get(depth_cache.symbol, 0) + 1
        if counts[depth_cache.symbol] == 1:
            print(f"{depth_cache.symbol} is followed", flush=True)
        if counts[depth_cache.symbol] == updates:
            manager.stop()

    manager.start()
    print(f"until {updates} updates of one book, or Ctrl-C:", flush=True)
    try:
        for symbol in SYMBOLS:
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
