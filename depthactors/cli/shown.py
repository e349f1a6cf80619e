"""What a book has to answer to be shown on a screen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from depthactors.book import BookView


class Shown(Protocol):
    """A book that can be shown, whoever keeps it."""

    @property
    def symbol(self) -> str:
        """Upper case."""

    def look(self, levels: int) -> tuple[BookView[Any] | None, str]:
        """Return the best levels, `None` where there is no book to show, and what to say beside them."""
