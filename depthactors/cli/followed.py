"""One book that `depthactors watch` follows itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from depthactors.book import BookState

if TYPE_CHECKING:
    from depthactors.book import BookView
    from depthactors.engine.handle import BookHandle


class Followed:
    """A book of this process's engine."""

    def __init__(self, handle: BookHandle[Any]) -> None:
        """Show the book of a handle."""
        self.symbol = handle.symbol
        self._handle = handle
        self._words = f"{handle.market} {handle.speed_ms} ms"

    @property
    def is_given_up(self) -> bool:
        """Whether nothing more comes of it."""
        return self._handle.state is BookState.FAILED

    def look(self, levels: int) -> tuple[BookView[Any] | None, str]:
        """Return the best levels and the name of the book, with the reason, if known, for which it is not live."""
        view, why = self._handle.view(), self._handle.error
        words = self._words if view.state is BookState.LIVE or why is None else f"{self._words}: {why}"
        return view.best(levels, view.number), words
