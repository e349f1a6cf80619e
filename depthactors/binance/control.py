"""What a connection and the exchange say to each other about streams."""

from __future__ import annotations

from enum import Enum
from typing import Any, Final, NamedTuple

import orjson

from depthactors.binance.error_body import parse_error


class Reply(NamedTuple):
    """The answer to a control message.

    Attributes:
        request_id: the message's id, `None` where the answer does not say.
        result: the value that was asked for.
        error: the exchange's words, `None` when the message was accepted.
        code: the exchange's error code, `None` without one.
    """

    request_id: int | str | None
    result: Any
    error: str | None
    code: int | None = None


TOO_MANY_STREAMS: Final = 4
"""Code of a SUBSCRIBE that is for more streams than the connection may carry."""


class Notice(Enum):
    """A frame that concerns the connection, not a book."""

    SERVER_SHUTDOWN = "serverShutdown"


def parse_notice(frame: dict[str, Any]) -> Reply | Notice | None:
    """Read a frame that belongs to no stream: a reply, a notice, or neither (`None`)."""
    if frame.get("e") == Notice.SERVER_SHUTDOWN.value or frame.get("stream") == "!serverShutdown":
        return Notice.SERVER_SHUTDOWN
    error = frame.get("error")
    if error is not None:
        return _refusal(frame, error if isinstance(error, dict) else {"msg": error})
    if "result" in frame:
        return Reply(frame.get("id"), frame["result"], None)
    if "code" in frame and "msg" in frame:
        return _refusal(frame, frame)
    return None


def _refusal(frame: dict[str, Any], body: dict[str, Any]) -> Reply:
    error = parse_error(body)
    return Reply(frame.get("id"), None, str(error), error.code)


def subscribe(streams: list[str], request_id: int) -> bytes:
    """Encode a SUBSCRIBE request."""
    return orjson.dumps({"method": "SUBSCRIBE", "params": streams, "id": request_id})


def unsubscribe(streams: list[str], request_id: int) -> bytes:
    """Encode an UNSUBSCRIBE request."""
    return orjson.dumps({"method": "UNSUBSCRIBE", "params": streams, "id": request_id})
