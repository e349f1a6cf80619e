"""What event faults do to the messages of one stream."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import orjson
from websockets.frames import Frame, Opcode

from depthactors.exchange.streams.message import text_frame

if TYPE_CHECKING:
    from collections.abc import Sequence

    from depthactors.exchange.fault import Fault
    from depthactors.exchange.streams.message import Message

FRAGMENTS: Final = 3


class EventFaults:
    """The messages of one stream that are held back. Thread: one."""

    def __init__(self) -> None:
        self._after_next: list[Message] = []
        self._held: list[Message] = []
        self._held_until = 0.0

    def apply(self, message: Message, faults: Sequence[Fault], now: float) -> list[Message]:
        """Return the messages to send now instead of the next one, in order.

        Args:
            message: the next event of the stream.
            faults: the faults that strike it.
            now: seconds, monotonic.
        """
        kinds = {fault.kind for fault in faults}
        messages = [_distorted(message, kinds)]
        if "drop" in kinds:
            messages.clear()
        elif "duplicate" in kinds:
            messages *= 2
        if "reorder" in kinds:
            self._after_next += messages
            messages = []
        elif self._after_next:
            messages += self._after_next
            self._after_next = []
        for fault in faults:
            if fault.kind == "delay":
                self._held_until = max(self._held_until, now + fault.seconds)
        self._held += messages
        return self.release(now)

    def release(self, now: float) -> list[Message]:
        """Return the messages whose delay is over, in order."""
        if now < self._held_until:
            return []
        released, self._held = self._held, []
        return released

    def due(self) -> float | None:
        """Return when `release` will return messages, on the clock of `now`; `None` if none are delayed."""
        return self._held_until if self._held else None


def _distorted(message: Message, kinds: set[str]) -> Message:
    if "wrong-types" in kinds:
        message = message.changed(_with_wrong_types)
    if "garbage" in kinds:
        return message.encoded_by(_garbage)
    if "split" in kinds:
        return message.encoded_by(_fragments)
    return message


def _with_wrong_types(payload: bytes) -> bytes:
    event: dict[str, Any] = orjson.loads(payload)
    event["u"] = str(event["u"])
    event["b"] = [[float(price), None] for price, *_ in event["b"]]
    return orjson.dumps(event)


def _garbage(payload: bytes) -> bytes:
    return text_frame(payload[: len(payload) // 2])


def _fragments(payload: bytes) -> bytes:
    size = -(-len(payload) // FRAGMENTS)
    parts = [payload[at : at + size] for at in range(0, len(payload), size)]
    last = len(parts) - 1
    return b"".join(
        Frame(Opcode.CONT if number else Opcode.TEXT, part, fin=number == last).serialize(mask=False)
        for number, part in enumerate(parts)
    )
