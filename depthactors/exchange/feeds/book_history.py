"""One symbol's book and its past: what REST shows now, and what `book_at` returns for earlier update ids."""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING, Final

from depthactors.errors import UsageError
from depthactors.exchange.feeds.truth import PlainBook
from depthactors.exchange.shapes.depth import Depth

if TYPE_CHECKING:
    from depthactors.exchange.feeds.depth_event import DepthEvent
    from depthactors.exchange.feeds.truth import BookTruth

CHAPTER_LENGTH: Final = 512
"""Events between two kept copies of the book: `book_at` replays no more than these."""

DEFAULT_HISTORY: Final = 10_000
"""Events that `book_at` reaches back, by default."""


@dataclass(slots=True)
class _Chapter:
    """A copy of the book and the events that followed; `ids[n]` is the book's update id after `n` of them."""

    base: PlainBook
    base_time_us: int
    ids: list[int]
    events: list[DepthEvent] = field(default_factory=list)


@dataclass(slots=True)
class _Reader:
    """A book that is moved forward through the chapters when it is asked for."""

    book: PlainBook
    chapter: _Chapter
    applied: int = 0


class BookHistory:
    """The book of one symbol and the events of its recent past.

    To add an event is only to store it; after every `CHAPTER_LENGTH` events the book is brought up to date and copied.

    Thread: any.
    """

    def __init__(self, symbol: str, history: int = DEFAULT_HISTORY, *, chapter_length: int = CHAPTER_LENGTH) -> None:
        """Start without a book; `rebase` sets the first one.

        Args:
            symbol: the symbol, upper case.
            history: number of events (at least) that `book_at` reaches back.
            chapter_length: number of events between two kept copies of the book.
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
        """Replace the present book by a snapshot; `book_at` still reaches the past."""
        book = PlainBook(depth.bids, depth.asks)
        with self._lock:
            self._open_chapter(_Chapter(book, depth.time_us, [depth.last_update_id]))

    def append(self, event: DepthEvent) -> None:
        """Add the event that follows.

        Raises:
            LookupError, TypeError, ValueError: an event of the chapter is not a depth event.
        """
        with self._lock:
            chapter = self._chapters[-1]
            chapter.ids.append(event.last_id)
            chapter.events.append(event)
            self._last_id = event.last_id
            self._kept += 1
            if len(chapter.events) >= self._chapter_length:
                book = chapter.base.copy()
                for each in chapter.events:
                    book.apply(each.decoded())
                self._open_chapter(_Chapter(book, event.time_us, [event.last_id]))

    def depth(self, limit: int | None, lag: int = 0) -> Depth:
        """Return the best `limit` levels a side (all for `None`) of the present book, or of the book `lag` events ago.

        Cost: the events since the last call with `lag` 0, or since the last call with another `lag`.
        """
        with self._lock:
            if lag:
                self._lagging = reader = self._moved(self._lagging, lag)
            else:
                self._present = reader = self._moved(self._present, 0)
            chapter = reader.chapter
            time_us = chapter.events[reader.applied - 1].time_us if reader.applied else chapter.base_time_us
            return Depth(chapter.ids[reader.applied], time_us, *reader.book.cut(limit))

    def oldest(self, limit: int) -> Depth:
        """Return the best `limit` levels of the oldest book that is kept."""
        with self._lock:
            chapter = self._chapters[0]
            return Depth(chapter.ids[0], chapter.base_time_us, *chapter.base.cut(limit))

    def since(self, number: int) -> list[DepthEvent]:
        """Return the kept events of the intervals after number `number`, oldest first."""
        found: list[DepthEvent] = []
        with self._lock:
            for chapter in reversed(self._chapters):
                for event in reversed(chapter.events):
                    if event.number <= number:
                        return found[::-1]
                    found.append(event)
        return found[::-1]

    def book_at(self, update_id: int, levels: int | None = None) -> BookTruth:
        """Return the exact book right after the event whose `u` is `update_id`, or its best `levels` a side.

        Cost: the events since the id that was asked for last, if it was lower; else up to `CHAPTER_LENGTH` events.

        Raises:
            UsageError: no event of the kept history ended with that id.
        """
        with self._lock:
            chapter, position = self._place_of(update_id)
            reader = self._asked
            if reader is None or reader.chapter is not chapter or reader.applied > position:
                self._asked = reader = _Reader(chapter.base.copy(), chapter)
            for event in chapter.events[reader.applied : position]:
                reader.book.apply(event.decoded())
            reader.applied = position
            return reader.book.truth(self._symbol, update_id, levels)

    def _place_of(self, update_id: int) -> tuple[_Chapter, int]:
        """Find the chapter and the number of its events that lead to that id. The caller holds the lock."""
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
        """Move a reader to the book of `lag` events ago, but never back. The caller holds the lock."""
        chapter = self._chapters[-1]
        position = len(chapter.events) - lag
        if position < 0 and len(self._chapters) > 1 and self._chapters[-2].ids[-1] == chapter.ids[0]:
            chapter = self._chapters[-2]
            position += len(chapter.events)
        position = max(0, position)
        if reader is None or reader.chapter is not chapter:
            if reader is not None and reader.chapter is self._chapters[-1]:
                return reader
            reader = _Reader(chapter.base.copy(), chapter)
        for event in reader.chapter.events[reader.applied : position]:
            reader.book.apply(event.decoded())
        reader.applied = max(reader.applied, position)
        return reader

    def _open_chapter(self, chapter: _Chapter) -> None:
        self._chapters.append(chapter)
        self._last_id = chapter.ids[0]
        while len(self._chapters) > 1 and self._kept - len(self._chapters[0].events) >= self._history:
            self._kept -= len(self._chapters.popleft().events)
