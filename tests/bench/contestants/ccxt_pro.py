"""ccxt Pro: its handler of order book messages, as a client that is connected calls it."""

import ccxt.pro
import orjson

DISTRIBUTION = "ccxt"


def follow(market, symbol, snapshot, *, read=True):
    exchange = ccxt.pro.binance()
    book = exchange.order_book({})
    known = {"id": symbol, "symbol": symbol, "spot": market == "spot"}
    exchange.markets_by_id = {symbol: [known]}
    exchange.markets = {symbol: known}
    exchange.orderbooks[symbol] = book
    book.reset(exchange.parse_order_book(snapshot, symbol) | {"nonce": snapshot["lastUpdateId"]})
    client = Client("wss://stream.binance.com" if market == "spot" else "wss://fstream.binance.com")

    def take(frame):
        exchange.handle_order_book(client, orjson.loads(frame)["data"])
        return (book["bids"][:5], book["asks"][:5]) if read else None

    return take


class Client:
    """A connection that nobody waits at."""

    def __init__(self, url):
        self.url = url

    def resolve(self, _result, _message_hash):
        """Wake nobody."""

    reject = resolve
