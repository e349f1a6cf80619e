"""One book of `depthactors watch`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from depthactors.book import BookState
from depthactors.errors import SharingError

if TYPE_CHECKING:
    from depthactors.book import BookView
    from depthactors.sharing import DepthReader, SharedBook


class Watched:
    """A book that another process shares; while it does not, the reason."""

    def __init__(self, reader: DepthReader[Any], book: SharedBook) -> None:
        """Read `book` through `reader`, which is the caller's to close."""
        self.symbol = book.symbol
        self._reader = reader
        self._book = book

    def look(self, levels: int) -> tuple[BookView[Any] | None, str]:
        """Return the best levels and the name of the book, with the reason, if known, for which it is not live."""
        reader, book = self._reader, self._book
        words = f"{book.market} {book.speed_ms} ms"
        try:
            view = reader.view(self.symbol, levels, market=book.market, speed_ms=book.speed_ms)
            live = view.state is BookState.LIVE
            why = None if live else reader.reason(self.symbol, market=book.market, speed_ms=book.speed_ms)
        except SharingError as error:
            # The engine has unsubscribed it, or has just started and does not follow it yet.
            return None, f"is not shown: {error}"
        return view, words if why is None else f"{words}: {why}"
