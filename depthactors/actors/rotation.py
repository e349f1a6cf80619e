"""Rotation: the replacement of a socket's connection by a successor, without loss.

The successor is opened and subscribed first, both bring every update for a while, then the old connection is ended in
good order. Thread: the actor's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from depthactors import reporting
from depthactors.actors.socket_messages import OverlapOver, Rotate
from depthactors.errors import StreamError
from depthactors.pacing import stagger

if TYPE_CHECKING:
    from depthactors.actors.connection import Connection, SocketContext
    from depthactors.actors.connections import Connections
    from depthactors.net.allowance import Allowing

logger = reporting.logger(__name__)

_SPREAD: Final = 0.1
"""Share of a connection's life over which the sockets of an engine spread their rotations."""


class Rotation:
    """Rotates the connections of one socket actor.

    Attributes:
        count: number of times that a successor has taken over in good order.
    """

    def __init__(self, context: SocketContext, connections: Connections, allowance: Allowing, place: int) -> None:
        """Set no timer before a connection is open.

        Args:
            context: the context of the socket actor.
            connections: the connections of the socket actor.
            allowance: the limits of the exchange, which all sockets share.
            place: number of the socket in its engine; no two rotate at the same time.
        """
        self.count = 0
        self._context = context
        self._connections = connections
        self._allowance = allowance
        settings = context.settings
        longest = settings.rotate_after
        self._rotate_after = None if longest is None else longest * (1 - _SPREAD * stagger(place))
        self._overlap = max(speed for speed, _ in context.market.speeds) / 1_000 + settings.timing.overlap
        self._failed_in_a_row = 0

    def set_timer(self, present: Connection) -> None:
        """Rotate the present connection, which is open, when its time has come."""
        if self._rotate_after is not None:
            age = self._context.mailbox.now() - present.opened_at
            self._rotate_in(max(0.0, self._rotate_after - age), present)

    def rotate(self, epoch: int) -> None:
        """Open the successor of that connection, if it is the present one and has none yet."""
        present = self._connections.present
        if present is None or present.epoch != epoch or self._connections.successor is not None:
            return
        wait = self._allowance.take_connection()
        if wait:
            self._rotate_in(wait, present)
            return
        self._connections.open_successor(present)
        name, successor = self._context.name, self._connections.last_epoch
        logger.info("= %s opens connection %d, the successor of %d", name, successor, epoch)

    def shutdown_announced(self, connection: Connection) -> None:
        """Rotate at once: the exchange is about to end a connection."""
        name, epoch = self._context.name, connection.epoch
        logger.warning("= %s the exchange will end connection %d: its successor comes first", name, epoch)
        if connection is self._connections.successor:
            connection.abort(StreamError(f"{name}: the exchange announced that it will shut down"))
        else:
            self.rotate(epoch)

    def successor_ended(self, error: StreamError) -> None:
        """Try again after a while."""
        self._connections.successor = None
        self._failed_in_a_row += 1
        logger.warning("- %s its successor ended: %s", self._context.name, error)
        present = self._connections.present
        if present is not None:
            backoff = self._context.settings.backoff
            wait = backoff.wait(0, self._failed_in_a_row, self._context.mailbox.random()) or 0.0
            self._rotate_in(wait, present)

    def consider_overlap(self) -> None:
        """Begin the overlap if the successor brings all streams by now."""
        successor = self._connections.successor
        if successor is not None and successor.serves_all:
            self._context.mailbox.after(self._overlap, OverlapOver(successor.epoch))

    def hand_over(self, epoch: int) -> None:
        """End the old connection, now that it and that successor have both brought every update for a while."""
        present, successor = self._connections.present, self._connections.successor
        if present is None or successor is None or successor.epoch != epoch or not successor.serves_all:
            return
        self._connections.promote(successor)
        self.count += 1
        self._failed_in_a_row = 0
        reason = StreamError(f"{self._context.name}: connection {present.epoch} was handed over to {epoch}")
        self._connections.leave(present, reason)
        self.set_timer(successor)

    def _rotate_in(self, seconds: float, connection: Connection) -> None:
        self._context.mailbox.after(seconds, Rotate(connection.epoch))
