"""The limit of what may wait for all books of a process together.

The limits of each book (`dispatcher.mailbox`, `sync.buffer`) are no limit for a thousand books. So the supervisor adds
up the backlogs of all books once a second. Beyond the limit the books with the largest backlogs lose them and begin
anew, no more books than necessary. This adds no work for a frame.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable

    Book = TypeVar("Book")

BACKLOG_LIMIT: Final = 256 * 1024 * 1024
"""Bytes that may wait for all books of a process: eight times the limit of one, minutes of a thousand usual books."""


def too_large(backlogs: Iterable[tuple[int, Book]], limit: int) -> list[Book]:
    """Return the books that have to lose their backlogs so that at most `limit` is left.

    O(n log n) beyond the limit, else O(n).

    Args:
        backlogs: size of each book's backlog, and the book.
        limit: size that may be left.
    """
    chosen: list[Book] = []
    every = list(backlogs)
    excess = sum(size for size, _ in every) - limit
    if excess <= 0:
        return chosen
    for size, book in sorted(every, key=lambda each: each[0], reverse=True):
        if excess <= 0:
            break
        chosen.append(book)
        excess -= size
    return chosen
