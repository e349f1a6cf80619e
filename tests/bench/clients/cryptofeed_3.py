"""cryptofeed: its Binance feed with a callback that reads the best five levels; only its addresses are changed."""

import asyncio
import os
import sys
import threading

from cryptofeed import FeedHandler, connection
from cryptofeed.connection import RestEndpoint, WebsocketEndpoint
from cryptofeed.defines import L2_BOOK
from cryptofeed.exchanges import Binance
from meter import Meter

STREAMS_A_CONNECTION = 300
"""It names its streams in the path, which may be 8 kB long here."""


def main(port, *symbols):
    # A symbol's base asset is its name without the quote asset.
    names = {f"{symbol.removesuffix('USDT')}-USDT": symbol for symbol in symbols}
    meter = Meter(symbols)

    async def on_book(book, _received_at):
        bids, asks = book.book.bids, book.book.asks
        _ = [bids.index(place) for place in range(5)], [asks.index(place) for place in range(5)]
        if book.timestamp is not None:
            meter.saw(names[book.symbol], round(book.timestamp * 1000))

    def run():
        asyncio.set_event_loop(asyncio.new_event_loop())
        handler = FeedHandler(config={"log": {"filename": "", "level": "ERROR"}})
        handler.add_feed(Binance(symbols=list(names), channels=[L2_BOOK], callbacks={L2_BOOK: on_book}))
        handler.run(install_signal_handlers=False)

    # It takes no address without encryption, so that the scheme is changed behind its check.
    connect = connection.connect
    connection.connect = lambda address, **more: connect(address.replace("wss://", "ws://", 1), **more)
    Binance.websocket_endpoints = [WebsocketEndpoint(f"wss://127.0.0.1:{port}")]
    Binance.rest_endpoints = [
        RestEndpoint(f"http://127.0.0.1:{port}", routes=Binance.rest_endpoints[0].routes),
    ]
    Binance.per_connection_limit = STREAMS_A_CONNECTION
    threading.Thread(target=run, daemon=True).start()
    meter.run()
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main(*sys.argv[1:])
