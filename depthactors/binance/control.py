"""Control messages: a connection's requests for streams, and the exchange's replies and notices."""

from __future__ import annotations

from enum import Enum
from typing import Any, Final, NamedTuple

import orjson

from depthactors.binance.error_body import parse_error


class ControlReply(NamedTuple):
    """The answer to a control message.

    Attributes:
        request_id: the id of the message, `None` where the answer does not say.
        result: the value that was requested.
        error: the exchange's words, `None` when it accepted the message.
        code: the exchange's error code, `None` without one.
    """

    request_id: int | str | None
    result: Any
    error: str | None
    code: int | None = None


TOO_MANY_STREAMS: Final = 4
"""Error code of a SUBSCRIBE for more streams than the connection may carry."""


class Notice(Enum):
    """A frame about the connection, not about a book."""

    SERVER_SHUTDOWN = "serverShutdown"


def parse_notice(frame: dict[str, Any]) -> ControlReply | Notice | None:
    """Return the reply or the notice that a frame of no stream is, `None` if it is neither."""
    if frame.get("e") == Notice.SERVER_SHUTDOWN.value or frame.get("stream") == "!serverShutdown":
        return Notice.SERVER_SHUTDOWN
    error = frame.get("error")
    if error is not None:
        return _refusal(frame, error if isinstance(error, dict) else {"msg": error})
    if "result" in frame:
        return ControlReply(frame.get("id"), frame["result"], None)
    if "code" in frame and "msg" in frame:
        return _refusal(frame, frame)
    return None


def _refusal(frame: dict[str, Any], body: dict[str, Any]) -> ControlReply:
    error = parse_error(body)
    return ControlReply(frame.get("id"), None, str(error), error.code)


def subscribe(streams: list[str], request_id: int) -> bytes:
    """Encode a SUBSCRIBE request."""
    return orjson.dumps({"method": "SUBSCRIBE", "params": streams, "id": request_id})


def unsubscribe(streams: list[str], request_id: int) -> bytes:
    """Encode an UNSUBSCRIBE request."""
    return orjson.dumps({"method": "UNSUBSCRIBE", "params": streams, "id": request_id})
