"""HTTP as bytes: what a request wants, and how an answer is written. Pure."""

from __future__ import annotations

from email.utils import formatdate
from http import HTTPStatus
from typing import TYPE_CHECKING

from websockets.datastructures import Headers
from websockets.http11 import Response

from depthactors.exchange import routes

if TYPE_CHECKING:
    from websockets.http11 import Request

    from depthactors.exchange.rest import Answer
    from depthactors.exchange.routes import StreamRoute


def stream_route(request: Request) -> StreamRoute | None:
    """Return which streams a request to open a websocket means; `None` for any other request."""
    if "websocket" not in request.headers.get("Upgrade", "").lower():
        return None
    return routes.stream_route(request.path)


def keeps_alive(request: Request) -> bool:
    """Tell whether the client may send another request on the connection."""
    # HTTP/1.0 is known only to versions of the package that accept it.
    old = getattr(request, "protocol", "HTTP/1.1") == "HTTP/1.0"
    return not old and "close" not in request.headers.get("Connection", "").lower()


def response(request: Request, answer: Answer) -> bytes:
    """Encode an answer."""
    connection = "keep-alive" if keeps_alive(request) and answer.cut is None else "close"
    return _encoded(HTTPStatus(answer.status), answer.body, [("Connection", connection), *answer.headers])


def bad_request() -> bytes:
    """Encode the answer to what is no GET request."""
    return _encoded(HTTPStatus.BAD_REQUEST, b"{}", [("Connection", "close")])


def too_many_connections() -> bytes:
    """Encode the answer to a websocket too many."""
    return _encoded(HTTPStatus.TOO_MANY_REQUESTS, b"{}", [("Connection", "close")])


def _encoded(status: HTTPStatus, body: bytes, headers: list[tuple[str, str]]) -> bytes:
    every = [
        ("Date", formatdate(usegmt=True)),
        ("Content-Length", str(len(body))),
        ("Content-Type", "application/json;charset=UTF-8"),
        *headers,
    ]
    # 418 is a teapot by its phrase; the exchange sends it so, too.
    return Response(status.value, status.phrase, Headers(every), body).serialize()
