"""One frame's JSON object, and the event in its envelope."""

from __future__ import annotations

from reprlib import Repr
from typing import Any, Final

import orjson

from depthactors.errors import MalformedFrameError

SHORT: Final = Repr()
"""Shows what a peer sent in an error: whatever it is, of bounded length and depth."""
SHORT.maxlevel, SHORT.maxdict, SHORT.maxstring, SHORT.maxother = 4, 20, 60, 60


def decode(frame: bytes) -> dict[str, Any]:
    """Decode one frame to its JSON object.

    Raises:
        MalformedFrameError: not JSON, or not an object.
    """
    try:
        data = orjson.loads(frame)
    except orjson.JSONDecodeError as error:
        msg = f"expected JSON, was not ({error})"
        raise MalformedFrameError(msg, frame) from None
    if type(data) is not dict:
        msg = f"expected a JSON object, was {type(data).__name__}"
        raise MalformedFrameError(msg, frame)
    return data


def payload_of(envelope: dict[str, Any]) -> dict[str, Any]:
    """Take the event out of its combined-stream envelope; a raw event is returned as it is."""
    data = envelope.get("data", envelope)
    if type(data) is not dict:
        msg = f"expected an object under 'data', was {type(data).__name__}"
        raise MalformedFrameError(msg)
    return data
