"""The channel between the engine's process and a worker process: messages both ways over a pair of sockets.

Both processes use this module. The end of one process ends the channel, and the other process notices at once. The
first message of each end is a greeting in plain text, with its version (`shards.greeting`). The others are pickled:
both ends are the same program, and no other process has the descriptors.
"""

from __future__ import annotations

import os
import pickle
import select
import socket
import struct
import threading
import weakref
from contextlib import suppress
from typing import Any, Final

from depthactors.dispatcher.current import about_to_wait
from depthactors.errors import LifecycleError, LineError
from depthactors.sharing.forks import unforked

SEND_PATIENCE: Final = 5
"""Seconds after which a channel is aborted whose other end reads no byte."""
WORKER_PATIENCE: Final[int | None] = None
"""The same for a worker: it waits as long as there is another end. The engine's process may be stopped, or busy."""
_LENGTH: Final = struct.Struct("!I")
_LONGEST: Final = 1 << 30
"""Bytes of the longest message that is read: a longer one is not from this package."""
_SLICE: Final = 1000
"""Milliseconds of one wait for room. If this process was stopped meanwhile, it has missed one wait and not all."""

_channels: weakref.WeakSet[Channel] = weakref.WeakSet()
_not_taken: weakref.WeakSet[socket.socket] = weakref.WeakSet()
"""The other ends of new channels, until their processes have them."""


class Channel:
    """One end of a channel.

    Thread: any sends; one receives.
    """

    def __init__(self, end: socket.socket | int, *, patience: int | None = SEND_PATIENCE) -> None:
        """Take over a socket.

        Args:
            end: one of a pair of sockets, or its descriptor.
            patience: seconds without a byte read by the other end until the channel is aborted; `None` to wait as long
                as there is another end.
        """
        self._socket = end if isinstance(end, socket.socket) else socket.socket(fileno=end)
        self._patience = patience
        self._sending = threading.Lock()
        self._room = select.poll()
        self._room.register(self._socket, select.POLLOUT)
        _channels.add(self)

    @staticmethod
    def pair() -> tuple[Channel, socket.socket]:
        """Make a channel; returns this end, and the other process's socket, to be closed once that process has it."""
        with unforked():
            here, there = socket.socketpair()
            _not_taken.add(there)
            return Channel(here), there

    def send(self, message: Any) -> None:
        """Send a message; returns when the system has it.

        Raises:
            LineError: the other end is gone, or reads nothing; the channel is of no more use.
            Exception: the message cannot be pickled; the channel is as it was.
        """
        self.send_bytes(pickled(message))

    def send_bytes(self, data: bytes) -> None:
        """Send bytes that are not pickled; errors as for `send`."""
        try:
            with self._sending:
                self._send_all(memoryview(_LENGTH.pack(len(data)) + data))
        except OSError as error:
            self.abort()
            msg = f"expected the other process to read a message, was {error}"
            raise LineError(msg) from error

    def try_send(self, message: Any) -> None:
        """Send a short message if that needs no wait; for the last one before `abort`."""
        data = pickled(message)
        if self._sending.acquire(blocking=False):
            try:
                self._socket.send(_LENGTH.pack(len(data)) + data, socket.MSG_DONTWAIT)
            except OSError:
                # No room, or no other end. Without this message the other process still notices the end of the channel.
                return
            finally:
                self._sending.release()

    def receive(self) -> Any:
        """Wait for the next message.

        Raises:
            LineError: the other end is gone, or sent something else than a message.
        """
        data = self.receive_bytes()
        try:
            return pickle.loads(data)  # noqa: S301 - the other end of our own channel
        except Exception as error:
            # A class of another package may raise anything when it is unpickled.
            msg = f"expected a message of the other process, was {type(error).__name__}: {error}"
            raise LineError(msg) from error

    def receive_bytes(self) -> bytes:
        """Wait for the next bytes that are not pickled; errors as for `receive`."""
        try:
            (length,) = _LENGTH.unpack(self._receive_all(_LENGTH.size))
            if length > _LONGEST:
                msg = f"expected a message of at most {_LONGEST} bytes, was {length}"
                raise LineError(msg)
            return bytes(self._receive_all(length))
        except (OSError, EOFError) as error:
            msg = f"the other process is gone ({type(error).__name__})"
            raise LineError(msg) from error

    def abort(self) -> None:
        """End the channel for both processes at once. Thread: any; twice is harmless."""
        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            # Closed, or the other end was faster.
            return

    def close(self) -> None:
        """Give the descriptor back; no thread may use the channel any more."""
        self._socket.close()

    def _send_all(self, data: memoryview) -> None:
        waited = 0
        while data:
            try:
                sent = self._socket.send(data, socket.MSG_DONTWAIT)
            except BlockingIOError:
                # If an actor sends, the others go on meanwhile. Without a thread for that they wait: half a message
                # would be of no use.
                with suppress(LifecycleError):
                    about_to_wait()
                if self._patience is not None and waited >= self._patience:
                    msg = f"nothing read for {waited} s"
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
    """Return the bytes that are sent for a message.

    Raises:
        Exception: the message cannot be pickled.
    """
    return pickle.dumps(message, pickle.HIGHEST_PROTOCOL)


def _detach_channels() -> None:
    """Close all in a fork, which would otherwise keep the channels open beyond its parent's end."""
    for channel in tuple(_channels):
        channel.close()
    for end in tuple(_not_taken):
        end.close()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_detach_channels)
