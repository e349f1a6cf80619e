"""One symbol's book with its past: what REST shows now, and what `book_at` answers about then."""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING, Any, Final

import orjson

from depthactors.errors import UsageError
from depthactors.exchange.truth import BookTruth, LevelText, PlainBook

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

CHAPTER_LENGTH: Final = 256
"""Events between two kept copies of the book: the most that one `book_at` has to replay."""

DEFAULT_HISTORY: Final = 10_000
"""Events that `book_at` reaches back by default."""


@dataclass(frozen=True, slots=True)
class Depth:
    """What a REST depth reply shows, before a market gives it its shape.

    Attributes:
        last_update_id: the id of the book.
        event_time: `E`, milliseconds since the epoch.
        transaction_time: `T`, milliseconds since the epoch.
        bids: best first, as spelt.
        asks: best first, as spelt.
    """

    last_update_id: int
    event_time: int
    transaction_time: int
    bids: Sequence[Sequence[str]]
    asks: Sequence[Sequence[str]]


@dataclass(slots=True)
class _Chapter:
    """A copy of the book and the events that followed: `ids[0]` is the copy's id, `payloads[0]` is empty."""

    base: PlainBook
    ids: list[int]
    payloads: list[bytes] = field(default_factory=lambda: [b""])


class Ledger:
    """The book of one symbol and the events of its recent past; every method may be called from any thread."""

    def __init__(self, symbol: str, history: int = DEFAULT_HISTORY) -> None:
        """Start without a book; `rebase` brings the first one.

        Args:
            symbol: upper case.
            history: events (at least) that `book_at` reaches back.
        """
        self._symbol = symbol
        self._history = history
        self._lock = Lock()
        self._book = PlainBook()
        self._times = (0, 0)
        self._last_id = 0
        self._chapters: deque[_Chapter] = deque()
        self._kept = 0

    @property
    def last_id(self) -> int:
        """Update id of the present book."""
        return self._last_id

    def rebase(self, depth: Depth) -> None:
        """Replace the present book by a snapshot; the past stays answerable."""
        book = PlainBook(depth.bids, depth.asks)
        with self._lock:
            self._book = book
            self._last_id = depth.last_update_id
            self._times = (depth.event_time, depth.transaction_time)
            self._open_chapter()

    def apply(self, event: dict[str, Any], payload: bytes) -> None:
        """Apply one depth event whole; `payload` is its JSON, which the history keeps."""
        with self._lock:
            self._book.apply(event)
            self._last_id = event["u"]
            self._times = (event["E"], event.get("T", event["E"]))
            chapter = self._chapters[-1]
            chapter.ids.append(self._last_id)
            chapter.payloads.append(payload)
            self._kept += 1
            if len(chapter.ids) > CHAPTER_LENGTH:
                self._open_chapter()

    def depth(self, limit: int) -> Depth:
        """Return the present book, cut to the best `limit` levels a side."""
        with self._lock:
            bids, asks = self._book.cut(limit)
            return Depth(self._last_id, *self._times, bids, asks)

    def book_at(self, update_id: int) -> BookTruth:
        """Return the exact book right after the event whose `u` is `update_id`.

        Raises:
            UsageError: no event of the kept history ended with that id.
        """
        with self._lock:
            base, payloads = self._replay_of(update_id)
        book = base.copy()
        for payload in payloads:
            book.apply(orjson.loads(payload))
        return book.truth(self._symbol, update_id)

    def _replay_of(self, update_id: int) -> tuple[PlainBook, list[bytes]]:
        """Find the copy to start from and what to apply to it. The lock is held; bases never change."""
        for chapter in reversed(self._chapters):
            # The last of equal ids: an event that ends at the snapshot's own id was applied to it.
            position = bisect_right(chapter.ids, update_id) - 1
            if position >= 0 and chapter.ids[position] == update_id:
                return chapter.base, chapter.payloads[1 : position + 1]
        first = self._chapters[0].ids[0] if self._chapters else 0
        msg = (
            f"expected an update id of {self._symbol} that ended an event of the kept history "
            f"({first}..{self._last_id}), was {update_id}"
        )
        raise UsageError(msg)

    def _open_chapter(self) -> None:
        self._chapters.append(_Chapter(self._book.copy(), [self._last_id]))
        while self._kept - (oldest := len(self._chapters[0].ids) - 1) >= self._history and len(self._chapters) > 1:
            self._chapters.popleft()
            self._kept -= oldest


def spelt(levels: Iterable[Sequence[str]]) -> list[LevelText]:
    """Take price and quantity of each level; whatever else old captures have there is dropped."""
    return [(level[0], level[1]) for level in levels]
