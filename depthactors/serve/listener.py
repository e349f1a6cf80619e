"""The socket of a server that accepts connections up to a bound."""

from __future__ import annotations

import select
import socket
import threading
import time
from typing import TYPE_CHECKING, Any, Final

from depthactors import reporting

if TYPE_CHECKING:
    from typing import Self

logger = reporting.logger(__name__)

_SEND_BUFFER: Final = 131_072
"""Bytes that the system keeps for a client that does not read; what comes after them is conflated."""
_PAUSE: Final = 0.1
"""Seconds until another look, where the system has no descriptor left, or no connection has come."""


class Listener(socket.socket):
    """A listening socket that closes connections beyond a bound at once, and survives a lack of descriptors.

    The server library takes any error of `accept` for the end.
    """

    def __init__(self, host: str, port: int, most: int) -> None:
        """Listen.

        Raises:
            OSError: the address is in use, or not of this machine.
        """
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        super().__init__(family, socket.SOCK_STREAM)
        self._most = most
        self._open = 0
        self._lock = threading.Lock()
        self.refused = 0
        try:
            self.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            # Each connection has it from here.
            self.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER)
            self.bind((host, port))
            self.listen(512)
            # Somebody who is gone between the sign of it and the call would hold up the thread.
            self.setblocking(False)
        except OSError:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def accept(self) -> tuple[socket.socket, Any]:
        """Return the next connection within the bound; waits for it.

        Raises:
            OSError: the socket was closed.
        """
        while True:
            try:
                connection, address = super().accept()
            except OSError as error:
                if self.fileno() < 0:
                    raise
                if isinstance(error, BlockingIOError):
                    self._wait()
                else:
                    logger.warning("a connection could not be accepted: %s", error)
                    time.sleep(_PAUSE)
                continue
            with self._lock:
                has_room = self._open < self._most
                self._open += has_room
                self.refused += not has_room
            if has_room:
                connection.setblocking(True)
                return connection, address
            connection.close()

    def _wait(self) -> None:
        """Wait for a connection; not for ever, since a close from another thread does not end it."""
        poll = select.poll()
        poll.register(self.fileno(), select.POLLIN)
        poll.poll(_PAUSE * 1000)

    def ended(self) -> None:
        """Note that a connection has ended."""
        with self._lock:
            self._open -= 1
