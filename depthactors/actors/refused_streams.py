"""Streams that the exchange refuses: a socket actor notifies their books, and asks for them again.

Thread: the actor's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from depthactors import binance, reporting
from depthactors.actors.book_messages import StreamDown
from depthactors.actors.socket_messages import AskAgain
from depthactors.actors.supervisor_messages import StreamsRefused
from depthactors.dispatcher.mailbox import mailbox_of, tell
from depthactors.errors import SubscriptionError
from depthactors.reporting import printable

if TYPE_CHECKING:
    import pykka

    from depthactors.actors.connection import Connection, SocketContext
    from depthactors.errors import StreamError

logger = reporting.logger(__name__)

_POLICY: Final = 1008
"""Close code of a connection whose client broke a rule: what it asked for last may be that."""
_MOST_REFUSED: Final = 20
"""Refused requests on a connection without an accepted one, beyond which the connection is to blame."""


class RefusedStreams:
    """Finds the streams to blame (`Refusals`), and moves them to connections without other books."""

    def __init__(self, context: SocketContext, supervisor: pykka.ActorRef[Any] | None) -> None:
        """Begin with nothing refused.

        Args:
            context: the socket actor's.
            supervisor: has streams carried elsewhere.
        """
        self._context = context
        self._supervisor = supervisor

    def refused(self, connection: Connection, streams: tuple[bytes, ...], words: str, code: int | None) -> None:
        """Ask for the streams of a refused request in another way; the connection and its other streams go on."""
        context = self._context
        connection.refused_requests += 1
        error = SubscriptionError(f"{context.name}: the exchange refused {_listed(streams)}: {printable(words)}")
        if len(streams) == 1:
            logger.notice(("refused", context.market.stream_url, streams[0]), "no data: %s", error)
        else:
            logger.info("! %s", error)
        if not connection.has_served and connection.refused_requests > _MOST_REFUSED:
            connection.abort(error)
            return
        wanted = self._followed(streams)
        if code == binance.TOO_MANY_STREAMS and wanted and connection.carried + len(wanted) > 1:
            self._relieve(connection, wanted, error)
        else:
            connection.subscribe_apart(self._blame(connection.epoch, wanted, error))

    def ended(self, connection: Connection, error: StreamError) -> None:
        """Blame the last requests on a connection for its end, if they are its probable cause."""
        for streams in connection.unanswered():
            wanted = self._followed(streams)
            if wanted and (error.close_code == _POLICY or wanted[0] in self._context.refusals):
                words = f"{self._context.name}: the connection ended when it was asked for {_listed(wanted)}: {error}"
                self._blame(connection.epoch, wanted, SubscriptionError(words))
        self._context.refusals.resume(self._context.mailbox.now())

    def _followed(self, streams: tuple[bytes, ...]) -> tuple[bytes, ...]:
        return tuple(stream for stream in streams if stream in self._context.receivers.now)

    def _relieve(self, connection: Connection, wanted: tuple[bytes, ...], error: SubscriptionError) -> None:
        """Have other connections carry the refused streams, or half of them if no stream is up here."""
        if not connection.carried:
            wanted = wanted[len(wanted) // 2 :]
            connection.abort(error)
        self._send_away(wanted, is_full=True)

    def _blame(self, epoch: int, streams: tuple[bytes, ...], error: SubscriptionError) -> tuple[tuple[bytes, ...], ...]:
        """Note a refused request; returns what to ask for instead.

        The book of a stream that was refused alone is notified, and the stream is asked for again after a wait.
        """
        context = self._context
        halves = context.refusals.refuse(streams, error)
        if len(streams) == 1:
            stream = streams[0]
            if context.refusals.times(stream) == 1:
                mailbox_of(context.receivers.now[stream]).put_ordered(StreamDown(epoch, error))
            elif len(context.receivers.now) > 1:
                # If it ends the connection that it is asked for on, it then harms no other book.
                self._send_away(streams, is_full=False)
            wait = context.refusals.postpone(stream, self._context.mailbox.now(), self._context.mailbox.random())
            context.mailbox.after(wait, AskAgain())
        return halves

    def _send_away(self, streams: tuple[bytes, ...], *, is_full: bool) -> None:
        if self._supervisor is not None:
            names = tuple(stream.decode() for stream in streams)
            tell(self._supervisor, StreamsRefused(self._context.name, names, is_full))


def _listed(streams: tuple[bytes, ...]) -> str:
    first = streams[0].decode("utf-8", "replace") if streams else "a request"
    return first if len(streams) < 2 else f"{first} or one of {len(streams) - 1} more"
