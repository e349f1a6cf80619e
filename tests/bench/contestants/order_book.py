"""order-book (bmoscon): its C extension's sorted sides, fed with floats."""

import order_book as library
import orjson

DISTRIBUTION = "order-book"


def follow(_market, _symbol, snapshot, *, read=True):
    book = library.OrderBook()
    book.bids, book.asks = ({float(price): float(size) for price, size in snapshot[name]} for name in ("bids", "asks"))

    def take(frame):
        event = orjson.loads(frame)["data"]
        for side, changes in ((book.bids, event["b"]), (book.asks, event["a"])):
            for price_text, size_text in changes:
                price, size = float(price_text), float(size_text)
                if size:
                    side[price] = size
                elif price in side:
                    del side[price]
        if not read:
            return None
        bids, asks = book.bids, book.asks
        return [bids.index(place) for place in range(5)], [asks.index(place) for place in range(5)]

    return take
