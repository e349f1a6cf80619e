"""One event of one stream, encoded once for each form that a client wants, however many clients there are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson
from websockets.frames import Frame, Opcode

from depthactors.exchange import shapes
from depthactors.exchange.shapes import MICROSECOND

if TYPE_CHECKING:
    from collections.abc import Callable


def text_frame(payload: bytes) -> bytes:
    """Encode a text frame as it is on the wire; a server's frames are not masked."""
    return Frame(Opcode.TEXT, payload).serialize(mask=False)


class Message:
    """An event on its way to the clients of a stream; used by one thread."""

    __slots__ = ("_encode", "_payload", "_time_us", "_wires", "stream")

    def __init__(
        self,
        stream: str,
        payload: bytes,
        time_us: int | None = None,
        encode: Callable[[bytes], bytes] = text_frame,
    ) -> None:
        """Encode nothing yet.

        Args:
            stream: its name, as subscribed.
            payload: the event, JSON, times in milliseconds.
            time_us: event time in microseconds where clients may ask for that unit, else `None`.
            encode: makes what goes to the wire from the payload with its envelope.
        """
        self.stream = stream
        self._payload = payload
        self._time_us = time_us
        self._encode = encode
        self._wires: dict[tuple[bool, int], bytes] = {}

    def wire(self, combined: bool, unit: int) -> bytes:
        """Return the bytes to send to a client with an envelope (`combined`) or without, in its unit of time."""
        form = (combined, unit)
        wire = self._wires.get(form)
        if wire is None:
            payload = self._payload
            if unit == MICROSECOND and self._time_us is not None:
                payload = shapes.in_microseconds(orjson.loads(payload), self._time_us)
            if combined:
                payload = b'{"stream":%s,"data":%s}' % (orjson.dumps(self.stream), payload)
            wire = self._wires[form] = self._encode(payload)
        return wire

    def encoded_by(self, encode: Callable[[bytes], bytes]) -> Message:
        """Return the same message, put on the wire in another way."""
        return Message(self.stream, self._payload, self._time_us, encode)

    def changed(self, change: Callable[[bytes], bytes]) -> Message:
        """Return a message with another payload."""
        return Message(self.stream, change(self._payload), None, self._encode)
