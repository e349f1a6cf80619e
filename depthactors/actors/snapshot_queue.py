"""Requests for snapshots that wait, the most urgent first. Pure."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING

from sortedcontainers import SortedDict

if TYPE_CHECKING:
    from collections.abc import Iterator, MutableMapping

    from depthactors.actors.snapshot_messages import SnapshotWanted


class SnapshotQueue:
    """At most one request of each book; among equally urgent ones the oldest first. O(log n) a change."""

    def __init__(self) -> None:
        """Begin empty."""
        self._serial = count()
        self._waiting: MutableMapping[tuple[int, int], SnapshotWanted] = SortedDict()
        self._places: dict[tuple[str, str], tuple[int, int]] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    def __iter__(self) -> Iterator[SnapshotWanted]:
        """Go through the requests in their order; the queue may not change meanwhile."""
        return iter(self._waiting.values())

    def __contains__(self, wanted: SnapshotWanted) -> bool:
        """Whether a request of the same book waits."""
        return _book(wanted) in self._places

    def put(self, wanted: SnapshotWanted) -> None:
        """Add a request in place of the book's earlier one, at whose place it stays unless it is more urgent."""
        place = self._places.get(_book(wanted))
        serial = next(self._serial)
        if place is not None:
            del self._waiting[place]
            if place[0] <= wanted.priority:
                serial = place[1]
        self._places[_book(wanted)] = place = (int(wanted.priority), serial)
        self._waiting[place] = wanted

    def remove(self, wanted: SnapshotWanted) -> None:
        """Take a request out.

        Raises:
            KeyError: no request of the book waits.
        """
        del self._waiting[self._places.pop(_book(wanted))]


def _book(wanted: SnapshotWanted) -> tuple[str, str]:
    """Return what two requests of the same book have in common."""
    return wanted.ref.actor_urn, wanted.symbol
