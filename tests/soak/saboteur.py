"""Exceptions in the engine's own handlers, raised when the next message comes: what no fault of an exchange can do."""

from __future__ import annotations

import threading
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any, Final
from unittest.mock import patch

from depthactors.actors.book import BookActor
from depthactors.actors.book_messages import Greet
from depthactors.actors.questions import Best, DepthTo, Full, Status, Top
from depthactors.actors.router import Router
from depthactors.actors.snapshots import SnapshotActor
from depthactors.actors.socket import SocketActor
from depthactors.net.rest import RestClient
from depthactors.shards.remote_book import RemoteBookActor

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

QUESTIONS: Final = (Status, Top, Best, Full, DepthTo, Greet)
"""Messages that somebody waits for: what is raised at these goes to the asker and kills nobody."""
PLACES: Final = {
    "book": (BookActor, "handle"),
    "socket": (SocketActor, "handle"),
    "snapshots": (SnapshotActor, "handle"),
    "reader": (Router, "route"),
    "worker": (RestClient, "fetch_depth"),
}
"""Where a trap can be: each place's class and method."""
PLACES_BESIDE_WORKERS: Final = {"book": (RemoteBookActor, "handle")}
"""The same in the engine's own process where the books are in others."""


class Saboteur:
    """Sets traps; the next one who comes by, of the given name, raises.

    Attributes:
        sprung: how often a trap of each place was met.
    """

    def __init__(self, places: Mapping[str, tuple[Any, str]] = PLACES) -> None:
        """Have traps in these places."""
        self.sprung = dict.fromkeys(places, 0)
        self._places = places
        self._traps: dict[str, list[tuple[str, BaseException]]] = {place: [] for place in places}
        self._poisoned: set[str] = set()
        self._lock = threading.Lock()

    def set(self, place: str, error: BaseException, name: str = "") -> None:
        """Let the next call there raise, of an actor whose name begins so."""
        with self._lock:
            self._traps[place].append((name, error))

    def poison(self, name: str) -> None:
        """Let each message to the book actor of this name be its death."""
        self._poisoned.add(name)

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Put the traps into the classes, and take them out again."""
        with ExitStack() as patches:
            for place, (owner, method) in self._places.items():
                patches.enter_context(patch.object(owner, method, self._trapped(place, getattr(owner, method))))
            yield

    def _trapped(self, place: str, plain: Any) -> Any:
        def trapped(actor: Any, *arguments: Any) -> Any:
            if not isinstance(arguments[0], QUESTIONS):
                self._pass_by(place, getattr(actor, "name", ""))
            return plain(actor, *arguments)

        return trapped

    def _pass_by(self, place: str, name: str) -> None:
        if place == "book" and name in self._poisoned:
            msg = f"poison in {name}"
            raise ArithmeticError(msg)
        traps = self._traps[place]
        if not traps:
            return
        with self._lock:
            for number, (wanted, error) in enumerate(traps):
                if name.startswith(wanted):
                    del traps[number]
                    self.sprung[place] += 1
                    raise error
