"""What the commands ask of a book to show it on a screen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from depthactors.book import BookView


class Shown(Protocol):
    """A book that can be shown."""

    @property
    def symbol(self) -> str:
        """The symbol, upper case."""

    def look(self, levels: int) -> tuple[BookView[Any] | None, str]:
        """Return the best levels, `None` where there is no book to show, and what to say beside them."""
