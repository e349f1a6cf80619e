"""Follows spot books with ccxt.pro's `watch_order_book`; only its addresses are changed."""

import asyncio
import re

import ccxt.pro
from peer_client import LEVELS, Reporter, arguments


def moved(urls, port):
    """Return the addresses with another host, whatever they are for."""
    if isinstance(urls, dict):
        return {name: moved(url, port) for name, url in urls.items()}
    return re.sub(r"^(http|ws)s://[^/]+", rf"\1://127.0.0.1:{port}", urls)


async def follow(exchange, symbol, reporter):
    unified = exchange.safe_symbol(symbol, None, None, "spot")
    while reporter.needs(symbol):
        try:
            book = await exchange.watch_order_book(unified)
        except ccxt.BaseError as error:
            reporter.note(f"{type(error).__name__}: {error}")
        else:
            if reporter.wants(symbol):
                reporter.book(symbol, book["nonce"], book["bids"][:LEVELS], book["asks"][:LEVELS])


async def main():
    given = arguments()
    reporter = Reporter(given)
    exchange = ccxt.pro.binance()
    exchange.urls["api"] = moved(exchange.urls["api"], given.port)
    try:
        await exchange.load_markets()
        await asyncio.gather(*(follow(exchange, symbol, reporter) for symbol in given.symbols))
    finally:
        await exchange.close()


if __name__ == "__main__":
    asyncio.run(main())
