"""The fragments of a websocket message, joined in time linear in their bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from websocket._abnf import continuous_frame

if TYPE_CHECKING:
    from websocket import ABNF


class Fragments(continuous_frame):
    """Takes the place of websocket-client's own class, which copies the whole message for each fragment.

    A message of one frame, as the exchange sends them, passes through uncopied.
    """

    def __init__(self) -> None:
        """Begin without a message. Text is not checked: the parser of JSON does that."""
        super().__init__(fire_cont_frame=False, skip_utf8_validation=True)

    @property
    def size(self) -> int:
        """Bytes of the message that is not whole yet."""
        return len(self.cont_data[1]) if self.cont_data else 0

    def add(self, frame: ABNF) -> None:
        """Append a frame's data; amortised O(its bytes)."""
        parts: list[Any] | None = self.cont_data
        if parts:
            if type(parts[1]) is not bytearray:
                parts[1] = bytearray(parts[1])
            parts[1] += frame.data
        else:
            self.recving_frames = frame.opcode
            self.cont_data = [frame.opcode, frame.data]
        if frame.fin:
            self.recving_frames = None
