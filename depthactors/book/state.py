"""What may be believed of a book."""

from __future__ import annotations

from enum import StrEnum


class BookState(StrEnum):
    """What may be believed of a book."""

    SYNCING = "SYNCING"
    """No book to show: the stream, a snapshot or both are awaited, or the last book was wrong."""
    LIVE = "LIVE"
    """The best `depth` levels of both sides equal the exchange's at `last_update_id`."""
    STALE = "STALE"
    """The last good book: updates were missed, and a new book is being made."""
    STOPPED = "STOPPED"
    """Unsubscribed, or the engine was stopped; the book will not change any more."""
    FAILED = "FAILED"
    """Given up for a reported reason; the book will not change any more."""

    @property
    def over(self) -> bool:
        """Whether the book will not change any more: `STOPPED` or `FAILED`."""
        return self is BookState.STOPPED or self is BookState.FAILED
