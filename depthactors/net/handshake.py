"""A websocket whose handshake is bounded: the library would read its answer however long it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from websocket import WebSocket

from depthactors.errors import StreamError

if TYPE_CHECKING:
    import socket

MAX_HANDSHAKE: Final = 64 * 1024
"""Bytes of the answer to the upgrade request, its head and what an error page may have for a body."""


class BoundedWebSocket(WebSocket):
    """The library's, given a metered socket to shake hands on.

    Attributes:
        handshaken: set once that is done; from then on the socket is the plain one.
    """

    handshaken = False
    _socket: Any = None

    @property
    def sock(self) -> Any:
        """The socket, `None` before and after the connection."""
        return self._socket if self.handshaken or self._socket is None else _Metered(self._socket)

    @sock.setter
    def sock(self, sock: Any) -> None:
        self._socket = sock


class _Metered:
    """A socket that raises once more was received than a handshake takes."""

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        self._left = MAX_HANDSHAKE

    def recv(self, size: int) -> bytes:
        data = self._socket.recv(min(size, self._left + 1))
        self._left -= len(data)
        if self._left < 0:
            msg = f"expected an answer to the handshake of at most {MAX_HANDSHAKE} bytes, was more"
            raise StreamError(msg)
        return data

    def __getattr__(self, name: str) -> Any:
        return getattr(self._socket, name)
