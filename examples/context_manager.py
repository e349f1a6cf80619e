"""Receive one book when the program has time for it: in a `with` block, in a `for` loop, and by hand."""

from depthactors import Client, DepthCache, DepthCacheManager


def show(how: str, depth_cache: DepthCache | dict[str, str] | None) -> None:
    """Print the touch of a book, or what came instead of one."""
    if isinstance(depth_cache, DepthCache):
        print(f"{how:9} {depth_cache.symbol} bid {depth_cache.get_bids(1)[0]} ask {depth_cache.get_asks(1)[0]}")
    else:
        print(f"{how:9} {depth_cache}")


def main() -> None:
    """Receive a book in three ways."""
    client = Client()

    with DepthCacheManager(client, symbol="BTCUSDT", ws_interval=100) as dcm:
        show("recv", dcm.recv(timeout=30))

    with DepthCacheManager(client, symbol="BTCUSDT", ws_interval=100) as dcm:
        for received, depth_cache in enumerate(dcm, start=1):
            show("iteration", depth_cache)
            if received == 3:
                break

    dcm = DepthCacheManager(client, symbol="BTCUSDT", ws_interval=100)
    dcm.__enter__()
    try:
        show("by hand", dcm.recv(timeout=30))
    finally:
        dcm.__exit__(None, None, None)


if __name__ == "__main__":
    main()
