"""A stream of one book: numbered messages, made once for all of its readers.

A stream keeps its last messages, and each reader only the number of the last one that it got. So a slow reader costs no
memory: when it is ready again, it gets the deltas that it has not seen, or one that is their sum, or a snapshot.
"""

from __future__ import annotations

from collections import deque
from functools import reduce
from typing import TYPE_CHECKING, Any, Final

from depthactors.book.delta import difference, merge
from depthactors.serve.messages import Numbered, encode

if TYPE_CHECKING:
    from depthactors.book import BookView
    from depthactors.book.delta import BookDelta
    from depthactors.serve.stream_name import StreamName

KEPT: Final = 256
"""Deltas that a stream keeps; a reader that is further behind gets a snapshot."""
SINGLE: Final = 32
"""Deltas that a reader may be behind and still get each of them; one further behind gets their sum."""


class Stream:
    """The messages of one stream.

    Thread: one at a time.

    Attributes:
        name: its name.
        number: the number of the last message; 0 before the first.
        conflated: number of deltas that were sent as parts of a sum.
        snapshots: number of snapshots that were sent.
    """

    def __init__(self, name: StreamName) -> None:
        """Begin without a view."""
        self.name = name
        self.number = 0
        self.conflated = 0
        self.snapshots = 0
        self._view: BookView[Any] | None = None
        self._reason: str | None = None
        self._last: deque[tuple[Numbered, bytes]] = deque(maxlen=KEPT)
        self._snapshot: bytes | None = None

    def put(self, view: BookView[Any], reason: str | None, *, conflated: bool) -> bool:
        """Take the book's next view; return whether there is a new message. O(levels).

        Args:
            view: the view, of the stream's levels.
            reason: why it is not live; `None` if it is, or that is not known.
            conflated: whether there was an update since the last view that none has shown.
        """
        delta = difference(self._view, view, conflated=conflated)
        if self._view is not None and not self._says_more(delta, reason):
            return False
        after = self.number or None
        self.number += 1
        self._view, self._reason, self._snapshot = view, reason, None
        if after is not None:
            numbered = Numbered(self.number, after, delta, reason)
            self._last.append((numbered, encode(self.name, numbered)))
        return True

    def since(self, number: int) -> list[bytes]:
        """Return the messages for a reader whose last one has that number; 0 if it got none yet.

        O(1) for a reader that got all but the last one; O(changes) or O(levels) for one that is behind.
        """
        behind = self.number - number
        if not behind:
            return []
        if not number or behind > len(self._last):
            self.snapshots += 1
            return [self._encoded_snapshot()]
        missed = [self._last[place] for place in range(len(self._last) - behind, len(self._last))]
        if behind <= SINGLE:
            return [encoded for _, encoded in missed]
        self.conflated += behind
        delta: BookDelta[Any] = reduce(merge, [numbered.delta for numbered, _ in missed])
        return [encode(self.name, Numbered(self.number, number, delta, self._reason))]

    def _says_more(self, delta: BookDelta[Any], reason: str | None) -> bool:
        view = self._view
        assert view is not None
        return (
            delta.last_update_id != delta.previous_update_id
            or delta.state is not view.state
            or reason != self._reason
            or bool(delta.exact_bids or delta.exact_asks)
        )

    def _encoded_snapshot(self) -> bytes:
        if self._snapshot is None:
            assert self._view is not None
            delta = difference(None, self._view)
            self._snapshot = encode(self.name, Numbered(self.number, None, delta, self._reason))
        return self._snapshot
