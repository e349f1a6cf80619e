"""The books that `depthactors watch` follows itself."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

from depthactors.book import BookState
from depthactors.cli.progress import progress, trouble
from depthactors.cli.rate import Rate
from depthactors.cli.shown import Look
from depthactors.engine.environment import announcement
from depthactors.errors import LifecycleError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from depthactors.engine.depth_engine import DepthEngine
    from depthactors.engine.handle import BookHandle
    from depthactors.status import BookStatus, EngineStatus

_ASK_EVERY: Final = 1.0
"""Seconds between two questions to the engine: each is a message for every connection and pool."""


class Followed:
    """A book of this process's engine."""

    def __init__(self, handle: BookHandle[Any]) -> None:
        """Show the book of a handle."""
        self._handle = handle
        self._rate = Rate()
        self._row: BookStatus | None = None
        self._per_second: float | None = None

    @property
    def symbol(self) -> str:
        """The symbol, upper case."""
        return self._handle.symbol

    @property
    def key(self) -> tuple[str, str, int]:
        """Market, symbol and interval, as a status has them."""
        handle = self._handle
        return handle.market, handle.symbol, handle.speed_ms

    @property
    def is_given_up(self) -> bool:
        """Whether nothing more comes of it."""
        return self._handle.state is BookState.FAILED

    @property
    def was_live(self) -> bool:
        """Whether there has been something to see."""
        return self._handle.state is not BookState.SYNCING

    @property
    def why(self) -> str | None:
        """The reason, if known, for which it is not live."""
        error = self._handle.error
        return None if error is None else str(error)

    def look(self, levels: int | None) -> Look:
        """Return what is to be seen, with the reason, if known, for which it is not live."""
        handle = self._handle
        view = handle.view()
        row = self._row
        return Look(
            symbol=handle.symbol,
            market=handle.market,
            speed_ms=handle.speed_ms,
            depth=handle.depth,
            view=view if levels is None else view.best(levels, view.number),
            why=None if view.state is BookState.LIVE else self.why,
            vouched=None
            if row is None or row.trusted_bids is None or row.trusted_asks is None
            else min(row.trusted_bids, row.trusted_asks),
            rate=self._per_second,
        )

    def take(self, row: BookStatus, now: float) -> None:
        """Note what the engine says of it."""
        self._row = row
        self._per_second = self._rate.take(now, row.counters.applied)


class Remarks:
    """Words about all books of an engine, which is asked for its status once a second."""

    def __init__(self, engine: DepthEngine[Any], books: Sequence[Followed]) -> None:
        """Ask nothing yet."""
        self._engine = engine
        self._books = {book.key: book for book in books}
        self._asked = 0.0
        self._words: list[str] = []
        # Simulated prices must not be taken for real ones.
        self._where = ["local exchange"] if announcement() else []

    def latest(self) -> Sequence[str]:
        """Return what is wrong, and how many books are live; waits for the engine for a second at most."""
        now = time.monotonic()
        if now - self._asked >= _ASK_EVERY:
            self._asked = now
            try:
                self._note(self._engine.status(timeout=_ASK_EVERY), now)
            except LifecycleError as error:
                self._words = [str(error)]
        return [*self._words, *self._where]

    def _note(self, status: EngineStatus, now: float) -> None:
        for row in status.books:
            if book := self._books.get((row.market, row.symbol, row.speed_ms)):
                book.take(row, now)
        self._words = [*trouble(status), *progress(status)]
