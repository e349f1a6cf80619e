"""The line between the engine's process and a worker's: messages both ways over a pair of sockets.

The end of either process is the end of the line, which the other one sees at once. Messages are pickled; both ends are
the same program, and nobody else has the descriptors.
"""

from __future__ import annotations

import os
import socket
import struct
import threading
import weakref
from multiprocessing.connection import Connection
from multiprocessing.reduction import ForkingPickler
from typing import Any, Final

from depthactors.errors import LineError

_SEND_TIMEOUT: Final = 5.0
"""Seconds that the other end may take no bytes until it is given up: it reads all the time, or is stuck."""

_lines: weakref.WeakSet[Line] = weakref.WeakSet()


class Line:
    """One end. Any thread sends; one thread receives."""

    def __init__(self, descriptor: int) -> None:
        """Take over one of a pair of sockets."""
        self._connection = Connection(descriptor)
        self._sending = threading.Lock()
        _lines.add(self)

    @staticmethod
    def pair() -> tuple[Line, int]:
        """Make a line; returns this end, and the descriptor of the other, for the other process."""
        here, there = socket.socketpair()
        for end in (here, there):
            seconds = struct.pack("@ll", int(_SEND_TIMEOUT), 0)
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, seconds)
        return Line(here.detach()), there.detach()

    def send(self, message: Any) -> None:
        """Send; returns when the system has it.

        Raises:
            LineError: the other end is gone, or takes nothing for long; nothing can be sent any more.
            Exception: a message that cannot be pickled; the line is as it was.
        """
        data = ForkingPickler.dumps(message)
        try:
            with self._sending:
                self._connection.send_bytes(data)
        except OSError as error:
            self.close()
            msg = f"expected the other process to take a message, was {error}"
            raise LineError(msg) from error

    def receive(self) -> Any:
        """Wait for the next message.

        Raises:
            LineError: the other end is gone, or what came is no message of ours.
        """
        try:
            data = self._connection.recv_bytes()
        except (OSError, EOFError, TypeError) as error:
            # A TypeError is what a connection says that another thread closed just now.
            msg = f"the other process is gone ({type(error).__name__})"
            raise LineError(msg) from error
        try:
            return ForkingPickler.loads(data)
        except Exception as error:
            # Whatever a foreign class does when it is copied.
            msg = f"expected a message of the other process, was {type(error).__name__}: {error}"
            raise LineError(msg) from error

    def close(self) -> None:
        """End the line for both, whoever is at it; any thread, and twice is fine."""
        try:
            descriptor = self._connection.fileno()
            with socket.socket(fileno=os.dup(descriptor)) as end:
                end.shutdown(socket.SHUT_RDWR)
        except OSError:
            # Closed, or the other end was faster.
            return

    def release(self) -> None:
        """Give the descriptor back, when nobody is at it any more."""
        self._connection.close()


def _forsake_lines() -> None:
    """Let go in a fork, which would keep the line open beyond its parent's end."""
    for line in tuple(_lines):
        line.release()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forsake_lines)
