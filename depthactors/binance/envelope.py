"""The outside of a frame: the stream that it belongs to and its payload, its JSON object, and the event within."""

from __future__ import annotations

from reprlib import Repr
from typing import Any, Final

import orjson

from depthactors.errors import MalformedFrameError

SHORT: Final = Repr()
"""Shows in an error what a peer sent, whatever it is, in bounded length and depth."""
SHORT.maxlevel, SHORT.maxdict, SHORT.maxstring, SHORT.maxother = 4, 20, 60, 60


TEXT: Final = 0x1
BINARY: Final = 0x2
"""Opcodes of the two kinds of message that a websocket carries (RFC 6455)."""
_COMBINED: Final = b'{"stream":"'
_START: Final = len(_COMBINED)
_NAME_END: Final = _START + 128
"""Where a stream's name ends at the latest."""


def read_envelope(opcode: int, frame: bytes) -> tuple[bytes, bytes]:
    """Return the name of the stream that a frame belongs to, and the payload for that stream's reader.

    The name is empty for a frame of no stream: a reply, a notice, or an event of a connection with a single stream. The
    payload of a text frame is all of its text, as `read_diff` takes it. A combined frame as the exchange sends it is
    not decoded: its name is returned as it is spelt in the frame.

    Raises:
        MalformedFrameError: the message is no text, or a text that is no JSON object.
    """
    # Called for each frame of a connection: slices and `partition` cost less than `startswith` and `find`.
    if frame[:_START] == _COMBINED and opcode == TEXT:
        name, quote, _ = frame[_START:_NAME_END].partition(b'"')
        if quote:
            return name, frame
    if opcode != TEXT:
        msg = f"expected a text frame, was one of opcode {opcode}"
        raise MalformedFrameError(msg, frame)
    return stream_of(decode(frame)), frame


def stream_of(message: dict[str, Any]) -> bytes:
    """Return the name of the stream of a decoded frame, empty for a frame of no stream."""
    name = message.get("stream")
    return name.encode() if isinstance(name, str) else b""


def decode(frame: bytes) -> dict[str, Any]:
    """Decode one frame to its JSON object.

    Raises:
        MalformedFrameError: the frame is no JSON, or no object.
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
    """Take an event out of its combined-stream envelope; a raw event is returned as it is.

    Raises:
        MalformedFrameError: the envelope has no object.
    """
    data = envelope.get("data", envelope)
    if type(data) is not dict:
        msg = f"expected an object under 'data', was {type(data).__name__}"
        raise MalformedFrameError(msg)
    return data
