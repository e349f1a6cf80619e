"""Follow a USD-M and a COIN-M perpetual with one manager: whole diff-depth books, of the depth that is asked for."""

import threading

from depthactors import DepthCache, FuturesDepthCacheManager, ThreadedDepthCacheManager


def main() -> None:
    """Print the best of fifty levels a side of two futures, then receive one of them."""
    came = {"BTCUSDT": threading.Event(), "BTCUSD_PERP": threading.Event()}

    def handle_depth_cache(depth_cache: DepthCache | dict[str, str] | None) -> None:
        if isinstance(depth_cache, dict):
            print(f"{depth_cache['type']}: {depth_cache['m']}")
            return
        if depth_cache is None:
            print("a stream is over")
            for event in came.values():
                event.set()
            return
        event = came[depth_cache.symbol]
        if not event.is_set():
            bids, asks = depth_cache.get_bids(50), depth_cache.get_asks(50)
            print(f"{depth_cache.symbol} {len(bids)} bids from {bids[0]}, {len(asks)} asks from {asks[0]}")
        event.set()

    manager = ThreadedDepthCacheManager()
    manager.start()
    try:
        manager.start_futures_depth_socket(handle_depth_cache, symbol="BTCUSDT", limit=50)
        manager.start_coin_futures_depth_socket(handle_depth_cache, symbol="BTCUSD_PERP", limit=50)
        for event in came.values():
            event.wait(timeout=30)
    finally:
        manager.stop()

    with FuturesDepthCacheManager(symbol="BTCUSDT", limit=50, ws_interval=100) as dcm:
        depth_cache = dcm.recv(timeout=30)
        if isinstance(depth_cache, DepthCache):
            print(f"received {depth_cache.symbol}, {len(depth_cache.get_bids(50))} bids")
        else:
            print(f"received {depth_cache}")


if __name__ == "__main__":
    main()
