"""Answer from books that shared_engine.py follows: gunicorn --workers 4 gunicorn_reader_app:application."""

import json
import os
from collections.abc import Callable, Iterable
from functools import cache
from typing import Any

from depthactors import DepthReader
from depthactors.errors import BookNotSharedError, SharingError

NAME = os.environ.get("SHARED_BOOKS", "books")


@cache
def reader() -> DepthReader:
    """Attach at the first request of a worker; where the engine is not there yet, at the next one."""
    return DepthReader(NAME)


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Answer `/SYMBOL` with the best bid and ask, what may be believed of them, and the process that read them."""
    answer: dict[str, Any]
    try:
        # A view there is of an engine that is gone, too, its last; this raises then, until there is an engine again.
        reader().books()
        view = reader().view(environ["PATH_INFO"].strip("/"), levels=1)
    except BookNotSharedError as error:
        status, answer = "404 Not Found", {"error": str(error)}
    except SharingError as error:
        status, answer = "503 Service Unavailable", {"error": str(error)}
    else:
        status = "200 OK"
        answer = {"symbol": view.symbol, "bid": view.best_bid, "ask": view.best_ask, "state": view.state}
        answer |= {"age": view.age, "process": os.getpid()}
    start_response(status, [("Content-Type", "application/json")])
    return [json.dumps(answer).encode()]
