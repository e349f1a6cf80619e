"""Words about all books of an engine: how far their start is, and what keeps them from being live."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING

from depthactors.book import BookState

if TYPE_CHECKING:
    from depthactors.status import EngineStatus


def progress(status: EngineStatus) -> list[str]:
    """Return how many books are live, and about how long the others take; nothing when all are."""
    given_up = sum(book.state is BookState.FAILED for book in status.books)
    if status.live + given_up == len(status.books):
        return []
    words = f"{status.live} of {len(status.books)} books live"
    seconds = ceil(status.estimate)
    # A snapshot takes a while even if its request may be sent at once.
    return [f"{words}, about {seconds} s left" if seconds > 0 else words]


def trouble(status: EngineStatus) -> list[str]:
    """Return what is wrong with connections and requests, in few words."""
    lost = [socket for socket in status.sockets if not socket.connected and socket.error]
    words = []
    if lost:
        wait = ceil(max(socket.retry_in for socket in lost))
        count = (
            "connection lost" if len(status.sockets) == 1 else f"{len(lost)} of {len(status.sockets)} connections lost"
        )
        words.append(f"{count}, next try in {wait} s" if wait > 0 else f"{count}, connecting")
    if silent := ceil(max((pool.silent_for for pool in status.pools), default=0.0)):
        words.append(f"requests are refused for {silent} s more")
    return words


def counted(count: int, thing: str) -> str:
    """Return a number of things, with an s unless it is one."""
    return f"{count:,} {thing}{'' if count == 1 else 's'}"
