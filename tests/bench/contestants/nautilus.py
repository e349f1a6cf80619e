"""nautilus_trader: its Rust book by its Python interface, one delta a level; the best prices only are read.

Five levels would be `bids()`, which makes an object of each level that there is.
"""

import orjson
from nautilus_trader.model.book import OrderBook
from nautilus_trader.model.data import BookOrder, OrderBookDelta
from nautilus_trader.model.enums import BookAction, BookType, OrderSide
from nautilus_trader.model.identifiers import InstrumentId
from nautilus_trader.model.objects import Price, Quantity

DISTRIBUTION = "nautilus_trader"


def follow(_market, symbol, snapshot, *, read=True):
    instrument = InstrumentId.from_str(f"{symbol}.BINANCE")
    book = OrderBook(instrument, BookType.L2_MBP)

    def apply(event, bids, asks, last):
        for side, changes in ((OrderSide.BUY, event[bids]), (OrderSide.SELL, event[asks])):
            for price, size in changes:
                order = BookOrder(side, Price.from_str(price), Quantity.from_str(size), 0)
                action = BookAction.UPDATE if float(size) else BookAction.DELETE
                book.apply_delta(OrderBookDelta(instrument, action, order, 0, last, 0, 0))

    apply(snapshot, "bids", "asks", snapshot["lastUpdateId"])

    def take(frame):
        event = orjson.loads(frame)["data"]
        apply(event, "b", "a", event["u"])
        if not read:
            return None
        return (
            [(book.best_bid_price(), book.best_bid_size())],
            [(book.best_ask_price(), book.best_ask_size())],
        )

    return take
