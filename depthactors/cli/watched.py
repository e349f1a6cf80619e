"""One book of `depthactors watch --attach`."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from depthactors.book import BookState
from depthactors.cli.rate import Rate
from depthactors.cli.shown import Look
from depthactors.errors import SharingError

if TYPE_CHECKING:
    from depthactors.sharing import DepthReader, SharedBook


class Watched:
    """A book that another process shares; while it does not, the reason."""

    def __init__(self, reader: DepthReader[Any], book: SharedBook) -> None:
        """Read `book` through `reader`, which is the caller's to close."""
        self.symbol = book.symbol
        self._reader = reader
        self._book = book
        self._rate = Rate()

    @property
    def was_live(self) -> bool:
        """Whether there has been something to see."""
        view = self.look(1).view
        return view is not None and view.last_update_id > 0 and view.state is not BookState.SYNCING

    @property
    def why(self) -> str | None:
        """The reason, if known, for which it is not live."""
        return self.look(1).why

    def look(self, levels: int | None) -> Look:
        """Return what is to be seen, with the reason, if known, for which it is not live."""
        reader, book = self._reader, self._book
        view = why = rate = None
        try:
            view = reader.view(self.symbol, levels, market=book.market, speed_ms=book.speed_ms)
            records = reader.records(self.symbol, market=book.market, speed_ms=book.speed_ms)
            rate = self._rate.take(time.monotonic(), records)
            if view.state is not BookState.LIVE:
                why = reader.reason(self.symbol, market=book.market, speed_ms=book.speed_ms)
        except SharingError as error:
            # The engine has unsubscribed it, or has just started and does not follow it yet.
            view, why = None, f"is not shown: {error}"
        is_live = view is not None and view.state is BookState.LIVE
        return Look(
            symbol=self.symbol,
            market=book.market,
            speed_ms=book.speed_ms,
            depth=book.depth,
            view=view,
            why=why,
            # At least: it would not be live with fewer.
            vouched=book.depth if is_live else None,
            rate=rate,
        )
