"""HTTP as bytes: what a request wants, and how an answer is written. Pure."""

from __future__ import annotations

from email.utils import formatdate
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from websockets.datastructures import Headers
from websockets.http11 import Response

from depthactors.exchange import routes

if TYPE_CHECKING:
    from websockets.http11 import Request

    from depthactors.exchange.rest.answers import Answer
    from depthactors.exchange.routes import StreamRoute

JSON: Final = "application/json;charset=UTF-8"


def stream_route(request: Request) -> StreamRoute | None:
    """Return which streams a request to open a websocket means; `None` for any other request."""
    if "websocket" not in request.headers.get("Upgrade", "").lower():
        return None
    return routes.stream_route(request.path)


def keeps_alive(request: Request) -> bool:
    """Return whether the client may send another request on the connection."""
    # HTTP/1.0 is known only to versions of the package that accept it.
    old = getattr(request, "protocol", "HTTP/1.1") == "HTTP/1.0"
    return not old and "close" not in request.headers.get("Connection", "").lower()


def response(request: Request, answer: Answer) -> bytes:
    """Encode an answer."""
    connection = "keep-alive" if keeps_alive(request) and answer.cut is None else "close"
    headers = [("Connection", connection), *answer.headers]
    return _encoded(HTTPStatus(answer.status), answer.body, headers, answer.media)


def bad_request() -> bytes:
    """Encode the answer to what is no GET request."""
    return _encoded(HTTPStatus.BAD_REQUEST, b"{}", [("Connection", "close")])


def no_websocket(status: int = HTTPStatus.TOO_MANY_REQUESTS, retry_after: int = 0) -> bytes:
    """Encode the answer to a websocket that is not opened, as one too many is not.

    Args:
        status: HTTP status.
        retry_after: seconds to tell in the header, 0 for no header.
    """
    retry = [("Retry-After", str(retry_after))] if retry_after else []
    return _encoded(HTTPStatus(status), b"{}", [("Connection", "close"), *retry])


def _encoded(status: HTTPStatus, body: bytes, headers: list[tuple[str, str]], media: str = JSON) -> bytes:
    every = [
        ("Date", formatdate(usegmt=True)),
        ("Content-Length", str(len(body))),
        ("Content-Type", media),
        *headers,
    ]
    # 418 is a teapot by its phrase; the exchange sends it so, too.
    return Response(status.value, status.phrase, Headers(every), body).serialize()
