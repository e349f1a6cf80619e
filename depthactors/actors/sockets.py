"""The sockets of a supervisor: which socket actor carries which stream, and which has room for one more."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from itertools import count
from typing import TYPE_CHECKING, Any, Protocol

from depthactors import reporting
from depthactors.actors.supervision import Supervised
from depthactors.errors import as_value

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pykka

    from depthactors.actors.book_spec import BookKey
    from depthactors.markets import Market

logger = reporting.logger(__name__)


class StartsSockets(Protocol):
    """A function that starts a socket actor; arguments as for `SocketActor`."""

    def __call__(self, name: str, market: Market, *, place: int, restarts: int) -> pykka.ActorRef[Any]:
        """Start the actor."""


@dataclass(slots=True)
class SupervisedSocket:
    """A socket actor, and the books of its streams.

    Attributes:
        name: name of the actor.
        market: market of the streams.
        place: number among the sockets of the engine.
        child: the actor.
        streams: key of the book, by the name of its stream.
    """

    name: str
    market: Market
    place: int
    child: Supervised
    streams: dict[str, BookKey] = field(default_factory=dict)


class Sockets:
    """The socket actors by their names. Thread: the supervisor's."""

    def __init__(self, start: StartsSockets, kind: str = "socket", places: Iterator[int] | None = None) -> None:
        """Begin without any.

        Args:
            start: starts the actor of a socket.
            kind: the first part of the sockets' names.
            places: the numbers for the sockets of the engine; `None` for 0, 1, 2...
        """
        self._start = start
        self._kind = kind
        self._sockets: dict[str, SupervisedSocket] = {}
        self._places = count() if places is None else places
        # Number of streams that one connection takes, where the exchange has refused a stream as one too many.
        self._stream_limits: dict[Market, int] = {}

    def __iter__(self) -> Iterator[SupervisedSocket]:
        """Iterate over the sockets as they are now; they may be added and removed meanwhile."""
        return iter(tuple(self._sockets.values()))

    def __getitem__(self, name: str) -> SupervisedSocket:
        """Return a socket that was not given up."""
        return self._sockets[name]

    def get(self, name: str) -> SupervisedSocket | None:
        """Return a socket, `None` if it was given up."""
        return self._sockets.get(name)

    def pop(self, name: str) -> SupervisedSocket | None:
        """Remove a socket and return it, `None` if it was given up before."""
        return self._sockets.pop(name, None)

    def with_room(self, market: Market, *, alone: bool = False, moving: str | None = None) -> SupervisedSocket:
        """Return a socket with room for one more stream, or one without any stream if `alone`; a new one if need be.

        Args:
            market: the market of the stream.
            alone: whether the socket is to have no other stream.
            moving: the stream, if a socket has it already; it takes no room there.

        Raises:
            Exception: the actor of a new socket could not be started.
        """
        room = 1 if alone else self._stream_limits.get(market, market.max_streams)
        for socket in self._sockets.values():
            if socket.market == market and len(socket.streams) - (moving in socket.streams) < room:
                return socket
        place = next(self._places)
        name = f"{self._kind}-{market.name}-{place + 1}"
        child = Supervised(self._start(name, market, place=place, restarts=0))
        socket = self._sockets[name] = SupervisedSocket(name, market, place, child)
        return socket

    def to_move(self, stream: str, market: Market, *, alone: bool) -> SupervisedSocket | None:
        """Return the socket that is to carry a stream from now on, `None` if its actor could not be started.

        Whatever the start raises is logged. The stream then stays where it is, and is moved another time.
        """
        try:
            return self.with_room(market, alone=alone, moving=stream)
        except Exception as error:  # noqa: BLE001 - nothing that a child does may end the supervisor
            words = "%s: no other connection could be started for it, and will be tried again: %s"
            logger.notice(("move", stream), words, stream, as_value(error))
            return None

    def limit_streams(self, market: Market, room: int) -> None:
        """Give no connection of a market more than `room` streams from now on."""
        self._stream_limits[market] = min(room, self._stream_limits.get(market, room))
        logger.warning("! %s: no more than %d streams a connection from now on", market.name, room)

    def start_successor(self, socket: SupervisedSocket) -> bool:
        """Replace the dead actor of a socket; returns whether it could be started."""
        restarts = socket.child.restarts
        start = partial(self._start, socket.name, socket.market, place=socket.place, restarts=restarts)
        return socket.child.start_successor(socket.name, start)
