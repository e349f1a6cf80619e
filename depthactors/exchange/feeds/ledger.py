"""One symbol's book with its past: what REST shows now, and what `book_at` answers about then."""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING, Final

from depthactors.errors import UsageError
from depthactors.exchange.feeds.truth import BookTruth, LevelText, PlainBook

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from depthactors.exchange.feeds.tick import Tick

CHAPTER_LENGTH: Final = 512
"""Ticks between two kept copies of the book: the most that one `book_at` has to replay."""

DEFAULT_HISTORY: Final = 10_000
"""Ticks that `book_at` reaches back by default."""


@dataclass(frozen=True, slots=True)
class Depth:
    """What a REST depth reply shows, before a market gives it its shape.

    Attributes:
        last_update_id: the id of the book.
        time_us: its time, microseconds since the epoch.
        bids: best first, as spelt.
        asks: best first, as spelt.
        matched_us: when the matching engine changed it last (`T`), where that is known.
    """

    last_update_id: int
    time_us: int
    bids: Sequence[LevelText]
    asks: Sequence[LevelText]
    matched_us: int | None = None


@dataclass(slots=True)
class _Chapter:
    """A copy of the book and the ticks that followed: `ids[n]` is the book's id after `n` of them."""

    base: PlainBook
    base_time_us: int
    ids: list[int]
    ticks: list[Tick] = field(default_factory=list)


@dataclass(slots=True)
class _Reader:
    """A book that is moved forward through the chapters as it is asked for."""

    book: PlainBook
    chapter: _Chapter
    applied: int = 0


class Ledger:
    """The book of one symbol and the ticks of its recent past; every method may be called from any thread.

    Adding a tick only stores it; once in `CHAPTER_LENGTH` ticks the book is brought up to date and copied.
    """

    def __init__(self, symbol: str, history: int = DEFAULT_HISTORY, *, chapter_length: int = CHAPTER_LENGTH) -> None:
        """Start without a book; `rebase` brings the first one.

        Args:
            symbol: upper case.
            history: ticks (at least) that `book_at` reaches back.
            chapter_length: ticks between two kept copies of the book.
        """
        self._symbol = symbol
        self._history = history
        self._chapter_length = chapter_length
        self._lock = Lock()
        self._last_id = 0
        self._chapters: deque[_Chapter] = deque()
        self._kept = 0
        self._present: _Reader | None = None
        self._lagging: _Reader | None = None
        self._asked: _Reader | None = None

    @property
    def last_id(self) -> int:
        """Update id of the present book."""
        return self._last_id

    def rebase(self, depth: Depth) -> None:
        """Replace the present book by a snapshot; the past stays answerable."""
        book = PlainBook(depth.bids, depth.asks)
        with self._lock:
            self._open_chapter(_Chapter(book, depth.time_us, [depth.last_update_id]))

    def append(self, tick: Tick) -> None:
        """Add the tick that follows.

        Raises:
            LookupError, TypeError, ValueError: some tick of the chapter was no depth event.
        """
        with self._lock:
            chapter = self._chapters[-1]
            chapter.ids.append(tick.last_id)
            chapter.ticks.append(tick)
            self._last_id = tick.last_id
            self._kept += 1
            if len(chapter.ticks) >= self._chapter_length:
                book = chapter.base.copy()
                for each in chapter.ticks:
                    book.apply(each.decoded())
                self._open_chapter(_Chapter(book, tick.time_us, [tick.last_id]))

    def depth(self, limit: int | None, lag: int = 0) -> Depth:
        """Return the best `limit` levels a side (all for `None`) of the present book, or of that of `lag` ticks ago.

        Two readers, one for each use, are moved forward; so a steady `lag` makes this cost what was added
        since the last call.
        """
        with self._lock:
            if lag:
                self._lagging = reader = self._moved(self._lagging, lag)
            else:
                self._present = reader = self._moved(self._present, 0)
            chapter = reader.chapter
            time_us = chapter.ticks[reader.applied - 1].time_us if reader.applied else chapter.base_time_us
            return Depth(chapter.ids[reader.applied], time_us, *reader.book.cut(limit))

    def oldest(self, limit: int) -> Depth:
        """Return the best `limit` levels of the oldest book that is kept."""
        with self._lock:
            chapter = self._chapters[0]
            return Depth(chapter.ids[0], chapter.base_time_us, *chapter.base.cut(limit))

    def since(self, number: int) -> list[Tick]:
        """Return the kept ticks of intervals after the `number`th, oldest first."""
        found: list[Tick] = []
        with self._lock:
            for chapter in reversed(self._chapters):
                for tick in reversed(chapter.ticks):
                    if tick.number <= number:
                        return found[::-1]
                    found.append(tick)
        return found[::-1]

    def book_at(self, update_id: int, levels: int | None = None) -> BookTruth:
        """Return the exact book right after the event whose `u` is `update_id`, or its best `levels` a side.

        Asking for one id after the other costs the events between them.

        Raises:
            UsageError: no event of the kept history ended with that id.
        """
        with self._lock:
            chapter, position = self._place_of(update_id)
            reader = self._asked
            if reader is None or reader.chapter is not chapter or reader.applied > position:
                self._asked = reader = _Reader(chapter.base.copy(), chapter)
            for tick in chapter.ticks[reader.applied : position]:
                reader.book.apply(tick.decoded())
            reader.applied = position
            return reader.book.truth(self._symbol, update_id, levels)

    def _place_of(self, update_id: int) -> tuple[_Chapter, int]:
        """Find the chapter and how many of its ticks lead to that id. The lock is held."""
        for chapter in reversed(self._chapters):
            # The last of equal ids: an event that ends at the snapshot's own id was applied to it.
            position = bisect_right(chapter.ids, update_id) - 1
            if position >= 0 and chapter.ids[position] == update_id:
                return chapter, position
        first = self._chapters[0].ids[0] if self._chapters else 0
        msg = (
            f"expected an update id of {self._symbol} that ended an event of the kept history "
            f"({first}..{self._last_id}), was {update_id}"
        )
        raise UsageError(msg)

    def _moved(self, reader: _Reader | None, lag: int) -> _Reader:
        """Move a reader to the book of `lag` ticks ago, but never back. The lock is held."""
        chapter = self._chapters[-1]
        position = len(chapter.ticks) - lag
        if position < 0 and len(self._chapters) > 1 and self._chapters[-2].ids[-1] == chapter.ids[0]:
            chapter = self._chapters[-2]
            position += len(chapter.ticks)
        position = max(0, position)
        if reader is None or reader.chapter is not chapter:
            if reader is not None and reader.chapter is self._chapters[-1]:
                return reader
            reader = _Reader(chapter.base.copy(), chapter)
        for tick in reader.chapter.ticks[reader.applied : position]:
            reader.book.apply(tick.decoded())
        reader.applied = max(reader.applied, position)
        return reader

    def _open_chapter(self, chapter: _Chapter) -> None:
        self._chapters.append(chapter)
        self._last_id = chapter.ids[0]
        while len(self._chapters) > 1 and self._kept - len(self._chapters[0].ticks) >= self._history:
            self._kept -= len(self._chapters.popleft().ticks)


def spelt(levels: Iterable[Sequence[str]]) -> list[LevelText]:
    """Take price and quantity of each level; whatever else old captures have there is dropped."""
    return [(level[0], level[1]) for level in levels]
