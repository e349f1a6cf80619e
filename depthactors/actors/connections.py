"""The connections of one socket actor: the present one, during a rotation its successor, and leaving connections.

Thread: the actor's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from depthactors.actors.connection import Connection
from depthactors.actors.socket_messages import LeavingOverdue

if TYPE_CHECKING:
    from collections.abc import Iterator

    from depthactors.actors.connection import SocketContext
    from depthactors.errors import StreamError

_MOST_LOOKS: Final = 10
"""Checks of a leaving connection that still brings something, after which it is ended by force: its peer goes on."""


class _Leaving(NamedTuple):
    connection: Connection
    until: float


class Connections:
    """At most one present connection, at most one successor of it, and the connections that the peer should end.

    Attributes:
        present: the connection that carries the streams; `None` in an outage, and without a stream.
        successor: the connection that is to take over from it.
        opened: number of connections so far, attempts included.
        last_epoch: number of the last connection.
    """

    def __init__(self, context: SocketContext) -> None:
        """Begin without a connection."""
        self.present: Connection | None = None
        self.successor: Connection | None = None
        self.opened = 0
        self.last_epoch = 0
        self._context = context
        self._leaving: dict[int, _Leaving] = {}

    def __iter__(self) -> Iterator[Connection]:
        """Go through all connections, the leaving ones last."""
        yield from self.serving
        yield from (leaving.connection for leaving in self._leaving.values())

    @property
    def serving(self) -> tuple[Connection, ...]:
        """The present connection and its successor, where there are such."""
        return tuple(each for each in (self.present, self.successor) if each is not None)

    def find(self, epoch: int) -> Connection | None:
        """Return the connection of that number, `None` if it is over or leaving."""
        return next((each for each in self.serving if each.epoch == epoch), None)

    def open(self, *, notify_failure: bool) -> None:
        """Open the present connection."""
        self.present = self._new(notify_failure=notify_failure, predecessor=None)

    def open_successor(self, present: Connection) -> None:
        """Open the connection that is to take over from the present one."""
        self.successor = self._new(notify_failure=False, predecessor=present.epoch)

    def promote(self, successor: Connection) -> None:
        """Make the successor the present connection."""
        self.present, self.successor = successor, None

    def leave(self, connection: Connection, reason: StreamError) -> None:
        """Have the peer end a connection; it is ended by force if the peer does not do so in time."""
        wait = self._context.settings.timing.leaving
        self._leaving[connection.epoch] = _Leaving(connection, self._context.mailbox.now() + _MOST_LOOKS * wait)
        if connection.is_open:
            connection.close(reason)
            self._context.mailbox.after(wait, LeavingOverdue(connection.epoch))
        else:
            connection.abort(reason)

    def check_leaving(self, epoch: int) -> None:
        """End a leaving connection by force, if it has not ended and brings nothing.

        A connection that still brings something is behind its successor, which brings only the updates after its own
        subscription: the updates in between would be lost.
        """
        leaving = self._leaving.get(epoch)
        if leaving is None:
            return
        wait, now = self._context.settings.timing.leaving, self._context.mailbox.now()
        if now < min(leaving.connection.read_at + wait, leaving.until):
            self._context.mailbox.after(wait, LeavingOverdue(epoch))
        else:
            leaving.connection.abort()

    def has_left(self, epoch: int) -> bool:
        """Note that a connection has ended; returns whether it was a leaving one."""
        return self._leaving.pop(epoch, None) is not None

    def _new(self, *, notify_failure: bool, predecessor: int | None) -> Connection:
        connection = Connection(self._context, notify_failure=notify_failure, predecessor=predecessor)
        self.opened += 1
        self.last_epoch = connection.epoch
        return connection
