"""One event of one stream, encoded once for each form that clients want, for any number of clients."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson
from websockets.frames import Frame, Opcode

from depthactors.exchange.shapes.shape import MICROSECOND, in_microseconds

if TYPE_CHECKING:
    from collections.abc import Callable


def text_frame(payload: bytes) -> bytes:
    """Encode a text frame; a server's frames are not masked."""
    return Frame(Opcode.TEXT, payload).serialize(mask=False)


class Message:
    """An event on its way to the clients of a stream. Thread: one."""

    __slots__ = ("_encode", "_payload", "_time_us", "_wires", "stream")

    def __init__(
        self,
        stream: str,
        payload: bytes,
        time_us: int | None = None,
        encode: Callable[[bytes], bytes] = text_frame,
    ) -> None:
        """Take an event; nothing is encoded yet.

        Args:
            stream: the stream's name, as subscribed.
            payload: the event, JSON, times in milliseconds.
            time_us: the event's time in microseconds, if clients may ask for that unit, else `None`.
            encode: makes the bytes to send from the payload with its envelope.
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
                payload = in_microseconds(orjson.loads(payload), self._time_us)
            if combined:
                payload = b'{"stream":%s,"data":%s}' % (orjson.dumps(self.stream), payload)
            wire = self._wires[form] = self._encode(payload)
        return wire

    def encoded_by(self, encode: Callable[[bytes], bytes]) -> Message:
        """Return the same message, encoded in another way."""
        return Message(self.stream, self._payload, self._time_us, encode)

    def changed(self, change: Callable[[bytes], bytes]) -> Message:
        """Return a message with another payload."""
        return Message(self.stream, change(self._payload), None, self._encode)
