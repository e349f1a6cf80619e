"""The reply to one REST request, as a value."""

from __future__ import annotations

from typing import Final, NamedTuple

import orjson

JSON: Final = "application/json;charset=UTF-8"


class Reply(NamedTuple):
    """One HTTP reply.

    Attributes:
        status: the HTTP status.
        body: the body.
        headers: headers beside those that every reply has.
        pause: seconds to wait before it is sent.
        cut: number of bytes of the body after which the connection ends; 0 for an end before the head, `None` for the
            whole reply.
        media: the content type of the body.
    """

    status: int
    body: bytes
    headers: tuple[tuple[str, str], ...] = ()
    pause: float = 0.0
    cut: int | None = None
    media: str = JSON


def error_body(code: int, text: str) -> bytes:
    """Encode an error object of the exchange."""
    return orjson.dumps({"code": code, "msg": text})


def retry_after(seconds: int) -> tuple[tuple[str, str], ...]:
    """Return the header `Retry-After`; none for 0 seconds."""
    return (("Retry-After", str(seconds)),) if seconds else ()
