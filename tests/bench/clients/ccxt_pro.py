"""ccxt Pro's `watch_order_book`, a task a symbol; only its addresses are changed, and requests need no pacing here.

One call for many symbols would return one of the updates that came at the same time, and leave out the others.
"""

import asyncio
import os
import re
import sys
import threading

import ccxt.pro
from meter import Meter

SYMBOLS_A_CONNECTION = 200


def moved(urls, port):
    """Return the addresses with another host, whatever they are for."""
    if isinstance(urls, dict):
        return {name: moved(url, port) for name, url in urls.items()}
    return re.sub(r"^(http|ws)s://[^/]+", rf"\1://127.0.0.1:{port}", urls)


async def follow(exchange, name, symbol, meter):
    while True:
        try:
            book = await exchange.watch_order_book(name)
        except ccxt.BaseError as error:
            sys.stderr.write(f"{type(error).__name__}: {error}\n")
        else:
            _ = book["bids"][:5], book["asks"][:5]
            meter.saw(symbol, book["timestamp"])


async def run(port, symbols, meter):
    exchange = ccxt.pro.binance({"enableRateLimit": False})
    exchange.urls["api"] = moved(exchange.urls["api"], port)
    await exchange.load_markets()
    # As few connections as it may have, instead of one for each of the first 50 symbols.
    exchange.options["streamLimits"]["spot"] = -(-len(symbols) // SYMBOLS_A_CONNECTION)
    names = {exchange.safe_symbol(symbol, None, None, "spot"): symbol for symbol in symbols}
    await asyncio.gather(*(follow(exchange, name, symbol, meter) for name, symbol in names.items()))


def main(port, *symbols):
    meter = Meter(symbols)
    threading.Thread(target=lambda: asyncio.run(run(port, symbols, meter)), daemon=True).start()
    meter.run()
    os._exit(0)


if __name__ == "__main__":
    main(*sys.argv[1:])
