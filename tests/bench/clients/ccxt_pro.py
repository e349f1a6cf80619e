"""ccxt Pro's `watch_order_book_for_symbols`; only its addresses are changed, and requests need no pacing here."""

import asyncio
import os
import re
import sys
import threading

import ccxt.pro
from meter import Meter

SYMBOLS_A_CALL = 200


def moved(urls, port):
    """Return the addresses with another host, whatever they are for."""
    if isinstance(urls, dict):
        return {name: moved(url, port) for name, url in urls.items()}
    return re.sub(r"^(http|ws)s://[^/]+", rf"\1://127.0.0.1:{port}", urls)


async def follow(exchange, names, meter):
    while True:
        try:
            book = await exchange.watch_order_book_for_symbols(list(names))
        except ccxt.BaseError as error:
            sys.stderr.write(f"{type(error).__name__}: {error}\n")
        else:
            _ = book["bids"][:5], book["asks"][:5]
            meter.saw(names[book["symbol"]], book["timestamp"])


async def run(port, symbols, meter):
    exchange = ccxt.pro.binance({"enableRateLimit": False})
    exchange.urls["api"] = moved(exchange.urls["api"], port)
    await exchange.load_markets()
    names = {exchange.safe_symbol(symbol, None, None, "spot"): symbol for symbol in symbols}
    some = list(names.items())
    groups = [dict(some[place : place + SYMBOLS_A_CALL]) for place in range(0, len(some), SYMBOLS_A_CALL)]
    await asyncio.gather(*(follow(exchange, group, meter) for group in groups))


def main(port, *symbols):
    meter = Meter(symbols)
    threading.Thread(target=lambda: asyncio.run(run(port, symbols, meter)), daemon=True).start()
    meter.run()
    os._exit(0)


if __name__ == "__main__":
    main(*sys.argv[1:])
