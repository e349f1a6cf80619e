"""Let two depth-cache managers share the connections of one socket manager, handed to both as `bm`."""

from depthactors import BinanceSocketManager, Client, DepthCache, DepthCacheManager


def main() -> None:
    """Receive two books over one connection."""
    client = Client()
    bm = BinanceSocketManager(client)
    with (
        DepthCacheManager(client, symbol="BTCUSDT", bm=bm, ws_interval=100) as btc,
        DepthCacheManager(client, symbol="ETHUSDT", bm=bm, ws_interval=100) as eth,
    ):
        for dcm in (btc, eth):
            depth_cache = dcm.recv(timeout=30)
            if isinstance(depth_cache, DepthCache):
                print(depth_cache.symbol, "bid", depth_cache.get_bids(1)[0], "ask", depth_cache.get_asks(1)[0])
            else:
                print(dcm.get_symbol(), depth_cache)


if __name__ == "__main__":
    main()
