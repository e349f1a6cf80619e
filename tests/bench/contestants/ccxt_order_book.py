"""ccxt Pro's `OrderBook` alone, fed by the plainest loop there is: what its handler does around it left out."""

import orjson
from ccxt.async_support.base.ws.order_book import OrderBook

DISTRIBUTION = "ccxt"


def follow(_market, _symbol, snapshot, *, read=True):
    levels = {name: [[float(text) for text in level] for level in snapshot[name]] for name in ("bids", "asks")}
    book = OrderBook(levels)
    bids, asks = book["bids"], book["asks"]

    def take(frame):
        event = orjson.loads(frame)["data"]
        for price, size in event["b"]:
            bids.storeArray([float(price), float(size)])
        for price, size in event["a"]:
            asks.storeArray([float(price), float(size)])
        book["nonce"] = event["u"]
        return (bids[:5], asks[:5]) if read else None

    return take
