"""The fragments of a websocket message, joined in time linear in their bytes."""

from __future__ import annotations

from websocket import ABNF, WebSocketProtocolException


class Fragments:
    """Joins data frames into messages. websocket-client's own way copies the whole message for each fragment.

    A message of one frame, as the exchange sends them, passes through uncopied.
    """

    def __init__(self) -> None:
        """Begin without a message."""
        self._opcode = 0
        self._gathered: bytearray | None = None

    @property
    def size(self) -> int:
        """Bytes of the message that is not whole yet."""
        return 0 if self._gathered is None else len(self._gathered)

    @property
    def is_open(self) -> bool:
        """Whether a message is not whole yet."""
        return self._gathered is not None

    def add(self, opcode: int, data: bytes, *, is_last: bool) -> tuple[int, bytes] | None:
        """Add the data of a frame. Amortised O(its bytes).

        Returns the opcode and the bytes of the message that the frame completes, `None` if it completes none.

        Raises:
            WebSocketProtocolException: a continuation of no message, or another message within one.
        """
        gathered = self._gathered
        if (opcode == ABNF.OPCODE_CONT) == (gathered is None):
            msg = "expected the fragments of a message in a row, was another order"
            raise WebSocketProtocolException(msg)
        if gathered is None:
            if is_last:
                return opcode, data
            self._opcode = opcode
            gathered = self._gathered = bytearray()
        gathered += data
        if not is_last:
            return None
        self._gathered = None
        return self._opcode, bytes(gathered)
