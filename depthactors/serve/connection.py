"""A websocket connection of the server library, which can also send without waiting.

Each connection of the library has a thread that reads and a lock for who writes. Waking a thread for each of 500
readers takes longer than sending them the same bytes, so these are sent by one thread, to all whose sockets have room.

The only module that uses names that the library does not describe.
"""

from __future__ import annotations

import socket
import ssl
import time
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from websockets.frames import Frame, Opcode
from websockets.protocol import State
from websockets.sync.server import ServerConnection

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_FRAMES: Final = 1_024
"""Frames that are kept, since all readers of a stream get the same."""


class Connection(ServerConnection):
    """One client's.

    Attributes:
        heard: called when the client has said something; in the library's thread.
        sending_since: since when the thread that may wait sends, `None` while it does not.
    """

    heard: Callable[[], None] | None = None
    sending_since: float | None = None
    _rest: bytes = b""

    def process_event(self, event: Any) -> None:
        """Take a frame of the client."""
        super().process_event(event)
        if self.heard is not None:
            self.heard()

    def take(self) -> str | bytes | None:
        """Return the client's next message, `None` if none has come; does not wait.

        Raises:
            ConnectionClosed: the connection has ended.
        """
        try:
            return self.recv(timeout=0)
        except TimeoutError:
            return None

    def offer(self, messages: Iterable[bytes]) -> bool:
        """Send texts if the socket takes them at once; return whether they are on their way.

        After `True` and a true `is_behind`, `complete` has to be called, by a thread that may wait. Until then nobody
        else can send.
        """
        # A TLS socket may have to wait for the other side.
        if isinstance(self.socket, ssl.SSLSocket) or not self.protocol_mutex.acquire(blocking=False):
            return False
        try:
            if self.protocol.state is not State.OPEN:
                return False
            data = b"".join(map(_framed, messages))
            try:
                sent = self.socket.send(data, socket.MSG_DONTWAIT)
            except OSError:
                # There is no room, or the connection has ended: the thread that may wait finds out.
                return False
            self._rest = data[sent:]
            return True
        finally:
            # A part of a frame is followed by its rest, and by nothing else.
            if not self._rest:
                self.protocol_mutex.release()

    @property
    def is_behind(self) -> bool:
        """Whether a part of what was offered is still to be sent."""
        return bool(self._rest)

    def complete(self) -> None:
        """Send what is left of what was offered; waits.

        Raises:
            OSError: the connection has ended.
        """
        if not self._rest:
            return
        self.sending_since = time.monotonic()
        try:
            self.socket.sendall(self._rest)
        finally:
            self._rest = b""
            self.protocol_mutex.release()
            self.sending_since = None

    def send_text(self, message: bytes) -> None:
        """Send a text; waits.

        Raises:
            ConnectionClosed: the connection has ended.
        """
        self.sending_since = time.monotonic()
        try:
            self.send(message, text=True)
        finally:
            self.sending_since = None

    def cut(self) -> None:
        """End it, though something is being sent. Thread: any."""
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            self.close_socket()


@lru_cache(_FRAMES)
def _framed(message: bytes) -> bytes:
    return Frame(Opcode.TEXT, message).serialize(mask=False)
