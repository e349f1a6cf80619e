"""Read a book in a Flask view: one engine a process, which starts with the first request that needs it."""

import functools
import sys
from typing import Any

from flask import Flask

from depthactors import BookHandle, DepthEngine
from depthactors.errors import DepthActorsError, UsageError

app = Flask(__name__)

# Making an engine starts nothing: neither an import nor the parent of Flask's reloader opens a connection.
engine = DepthEngine(market="spot")


@functools.cache
def book_of(symbol: str) -> BookHandle:
    """Follow a symbol from its first request on."""
    return engine.subscribe(symbol, depth=20)


@app.get("/book/<symbol>")
def show_book(symbol: str) -> tuple[dict[str, Any], int]:
    """Answer with the best five levels a side, from memory."""
    try:
        view = book_of(symbol.upper()).wait_live(timeout=10).view()
    except UsageError as error:
        return {"error": str(error)}, 404
    except DepthActorsError as error:
        return {"error": str(error)}, 503
    return {"symbol": view.symbol, "id": view.last_update_id, "bids": view.bids[:5], "asks": view.asks[:5]}, 200


if __name__ == "__main__":
    # Ctrl-C ends it; http://127.0.0.1:5000/book/BTCUSDT shows a book.
    app.run(port=int(sys.argv[1]) if len(sys.argv) > 1 else 5000)
