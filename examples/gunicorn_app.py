"""Serve a book by a WSGI application under gunicorn; gunicorn_conf.py starts its engine in each worker."""

import json
import os
from collections.abc import Callable, Iterable
from typing import Any

from depthactors import BookHandle, DepthEngine
from depthactors.errors import DepthActorsError

# With `preload_app` this is made in the master, which forks the workers; it starts nothing.
engine = DepthEngine(market="spot")
books: dict[str, BookHandle] = {}


def follow(*symbols: str) -> None:
    """Start to follow, in the process that calls; returns before the books are live."""
    books.update(zip(symbols, engine.subscribe_many(symbols, depth=20), strict=True))


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Answer `/SYMBOL` with the best bid and ask, and with the process that knew them."""
    answer: dict[str, Any]
    try:
        view = books[environ["PATH_INFO"].strip("/")].wait_live(timeout=10).view()
    except KeyError:
        status, answer = "404 Not Found", {"error": f"followed are {', '.join(books)}"}
    except DepthActorsError as error:
        status, answer = "503 Service Unavailable", {"error": str(error)}
    else:
        status = "200 OK"
        answer = {"symbol": view.symbol, "bid": view.best_bid, "ask": view.best_ask, "process": os.getpid()}
    start_response(status, [("Content-Type", "application/json")])
    return [json.dumps(answer).encode()]
