"""HTTP as bytes: what a request asks for, and how a reply is encoded. Pure."""

from __future__ import annotations

from email.utils import formatdate
from http import HTTPStatus
from typing import TYPE_CHECKING

from websockets.datastructures import Headers
from websockets.http11 import Response

from depthactors.exchange.rest.reply import JSON
from depthactors.exchange.streams.path import StreamPath, stream_path

if TYPE_CHECKING:
    from websockets.http11 import Request

    from depthactors.exchange.rest.reply import Reply


def stream_path_of(request: Request) -> StreamPath | None:
    """Read the path of a request to open a websocket; `None` for any other request."""
    if "websocket" not in request.headers.get("Upgrade", "").lower():
        return None
    return stream_path(request.path)


def keeps_alive(request: Request) -> bool:
    """Return whether the client may send another request on the connection."""
    # Only the versions of `websockets` that accept HTTP/1.0 have this attribute.
    old = getattr(request, "protocol", "HTTP/1.1") == "HTTP/1.0"
    return not old and "close" not in request.headers.get("Connection", "").lower()


def encoded(request: Request, reply: Reply, now: float) -> bytes:
    """Encode a reply that is sent at `now`, in seconds since the epoch."""
    connection = "keep-alive" if keeps_alive(request) and reply.cut is None else "close"
    headers = [("Connection", connection), *reply.headers]
    return _encoded(HTTPStatus(reply.status), reply.body, headers, now, reply.media)


def bad_request(now: float) -> bytes:
    """Encode the reply, at `now`, to something else than a GET request."""
    return _encoded(HTTPStatus.BAD_REQUEST, b"{}", [("Connection", "close")], now)


def no_websocket(now: float, status: int = HTTPStatus.TOO_MANY_REQUESTS, retry_after: int = 0) -> bytes:
    """Encode the reply to a request for a websocket that is refused; by default as one too many.

    Args:
        now: seconds since the epoch.
        status: the HTTP status.
        retry_after: seconds in the header `Retry-After`; 0 for no header.
    """
    retry = [("Retry-After", str(retry_after))] if retry_after else []
    return _encoded(HTTPStatus(status), b"{}", [("Connection", "close"), *retry], now)


def _encoded(status: HTTPStatus, body: bytes, headers: list[tuple[str, str]], now: float, media: str = JSON) -> bytes:
    every = [
        ("Date", formatdate(now, usegmt=True)),
        ("Content-Length", str(len(body))),
        ("Content-Type", media),
        *headers,
    ]
    # The phrase of 418 is "I'm a teapot"; the exchange sends it, too.
    return Response(status.value, status.phrase, Headers(every), body).serialize()
