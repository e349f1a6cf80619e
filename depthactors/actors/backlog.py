"""How much an engine's books may have waiting together, and whose backlog goes when it is more.

Each book's own bounds (`actors.mailbox`, `sync.buffer`) are no bound for a thousand of them. So the supervisor adds up,
each `Timing.backlog_interval`, what waits in all mailboxes and buffers; beyond the limit the books with the largest
backlogs lose theirs and are made anew, as many as it takes and no more. Nothing is added to the way of a frame.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable

    Book = TypeVar("Book")

BACKLOG_LIMIT: Final = 256 * 1024 * 1024
"""Bytes that all books of a process may have waiting: eight times what one may, minutes of a thousand usual ones."""


def too_large(backlogs: Iterable[tuple[int, Book]], limit: int) -> list[Book]:
    """Return whose backlogs are to go, the largest first, so that no more than `limit` is left; O(n log n) if any."""
    all_of_them = list(backlogs)
    excess = sum(size for size, _ in all_of_them) - limit
    going: list[Book] = []
    if excess <= 0:
        return going
    for size, book in sorted(all_of_them, key=lambda each: each[0], reverse=True):
        if excess <= 0:
            break
        going.append(book)
        excess -= size
    return going
