"""The line between the engine's process and a worker's: messages both ways over a pair of sockets.

The end of either process is the end of the line, which the other one sees at once. The first message of each end is a
greeting in plain text, which says what can be understood (`shards.greeting`); the others are pickled: both ends are the
same program, and nobody else has the descriptors.
"""

from __future__ import annotations

import os
import pickle
import select
import socket
import struct
import threading
import weakref
from typing import Any, Final

from depthactors.errors import LineError
from depthactors.sharing.forks import unforked

SEND_PATIENCE: Final = 5
"""Seconds for which an end that is not to wait for ever lets the other one take no byte."""
_LENGTH: Final = struct.Struct("!I")
_LONGEST: Final = 1 << 30
"""Bytes of the longest message that is read: more is no message of ours."""
_SLICE: Final = 1000
"""Milliseconds of one wait for room. A process that was stopped meanwhile has missed one of them, and not all."""

_lines: weakref.WeakSet[Channel] = weakref.WeakSet()
_not_taken: weakref.WeakSet[socket.socket] = weakref.WeakSet()
"""Other ends, until the process that they are for has them."""


class Channel:
    """One end. Any thread sends; one thread receives."""

    def __init__(self, end: socket.socket | int, *, patience: int | None = SEND_PATIENCE) -> None:
        """Take over one of a pair of sockets, or its descriptor.

        Args:
            end: the socket.
            patience: seconds that the other end may take no byte until the line is ended; `None` for as long as there
                is another end.
        """
        self._socket = end if isinstance(end, socket.socket) else socket.socket(fileno=end)
        self._patience = patience
        self._sending = threading.Lock()
        self._room = select.poll()
        self._room.register(self._socket, select.POLLOUT)
        _lines.add(self)

    @staticmethod
    def pair(*, patience: int | None = SEND_PATIENCE) -> tuple[Channel, socket.socket]:
        """Make a line; returns this end, and the other, for the other process: close it once that process has it."""
        with unforked():
            here, there = socket.socketpair()
            _not_taken.add(there)
            return Channel(here, patience=patience), there

    def send(self, message: Any) -> None:
        """Send; returns when the system has it.

        Raises:
            LineError: the other end is gone, or takes nothing for long; nothing can be sent any more.
            Exception: a message that cannot be pickled; the line is as it was.
        """
        self.send_bytes(pickled(message))

    def send_bytes(self, data: bytes) -> None:
        """Send what is to be read as it is; errors as for `send`."""
        try:
            with self._sending:
                self._send_all(memoryview(_LENGTH.pack(len(data)) + data))
        except OSError as error:
            self.close()
            msg = f"expected the other process to take a message, was {error}"
            raise LineError(msg) from error

    def receive(self) -> Any:
        """Wait for the next message.

        Raises:
            LineError: the other end is gone, or what came is no message of ours.
        """
        data = self.receive_bytes()
        try:
            return pickle.loads(data)  # noqa: S301 - the other end of our own line
        except Exception as error:
            # Whatever a foreign class does when it is copied.
            msg = f"expected a message of the other process, was {type(error).__name__}: {error}"
            raise LineError(msg) from error

    def receive_bytes(self) -> bytes:
        """Wait for what the other end sends next, and return it as it is; errors as for `receive`."""
        try:
            (length,) = _LENGTH.unpack(self._receive_all(_LENGTH.size))
            if length > _LONGEST:
                msg = f"expected a message of at most {_LONGEST} bytes, was {length}"
                raise LineError(msg)
            return bytes(self._receive_all(length))
        except (OSError, EOFError) as error:
            msg = f"the other process is gone ({type(error).__name__})"
            raise LineError(msg) from error

    def close(self) -> None:
        """End the line for both, whoever is at it; any thread, and twice is fine."""
        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            # Closed, or the other end was faster.
            return

    def release(self) -> None:
        """Give the descriptor back, when nobody is at it any more."""
        self._socket.close()

    def _send_all(self, data: memoryview) -> None:
        waited = 0
        while data:
            try:
                sent = self._socket.send(data, socket.MSG_DONTWAIT)
            except BlockingIOError:
                if self._patience is not None and waited >= self._patience:
                    msg = f"nothing taken for {waited} s"
                    raise TimeoutError(msg) from None
                waited += not self._room.poll(_SLICE)
            else:
                data, waited = data[sent:], 0

    def _receive_all(self, size: int) -> bytearray:
        data = bytearray(size)
        rest = memoryview(data)
        while rest:
            received = self._socket.recv_into(rest)
            if not received:
                raise EOFError
            rest = rest[received:]
        return data


def pickled(message: Any) -> bytes:
    """Return what is sent of a message.

    Raises:
        Exception: it cannot be pickled.
    """
    return pickle.dumps(message, pickle.HIGHEST_PROTOCOL)


def _detach_lines() -> None:
    """Let go in a fork, which would keep the line open beyond its parent's end."""
    for line in tuple(_lines):
        line.release()
    for end in tuple(_not_taken):
        end.close()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_detach_lines)
