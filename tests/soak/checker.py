"""Every view that was published as LIVE, beside the truth at its update id."""

from __future__ import annotations

import queue
import threading
from typing import TYPE_CHECKING, NamedTuple

from depthactors.book import BookState
from depthactors.errors import UsageError

if TYPE_CHECKING:
    from typing import Self

    from depthactors import BookView
    from depthactors.exchange import LocalExchange


class Mismatch(NamedTuple):
    """A view that was not the truth, and the first level in which it was not."""

    view: BookView
    words: str


class Checker:
    """Compares views in a thread of its own; any thread submits them.

    Attributes:
        updates: views that came from `on_update`.
        compared: views that were compared, those of `handle.view()` included.
        mismatches: those that were wrong.
        fewest: the fewest levels of a side that a comparison had.
    """

    def __init__(self, exchange: LocalExchange) -> None:
        self.updates = 0
        self.compared = 0
        self.mismatches: list[Mismatch] = []
        self._exchange = exchange
        self._views: queue.SimpleQueue[tuple[BookView, int] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="soak-checker")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._views.put(None)
        self._thread.join()

    @property
    def waiting(self) -> int:
        """How many views are still to be compared."""
        return self._views.qsize()

    def published(self, view: BookView, depth: int) -> None:
        """Take a view that a callback was called with: it must be live, and right."""
        self.updates += 1
        if view.state is not BookState.LIVE:
            self.mismatches.append(Mismatch(view, f"a callback was called in state {view.state}"))
        self._views.put((view, depth))

    def seen(self, view: BookView, depth: int) -> None:
        """Take a view that a reader took; one that does not say LIVE promises nothing."""
        if view.state is BookState.LIVE:
            self._views.put((view, depth))

    def _run(self) -> None:
        while (item := self._views.get()) is not None:
            self.compared += 1
            words = self._compare(*item)
            if words:
                self.mismatches.append(Mismatch(item[0], words))

    def _compare(self, view: BookView, depth: int) -> str | None:
        try:
            most = max(depth, len(view.bids), len(view.asks))
            truth = self._exchange.book_at(view.symbol, view.last_update_id, levels=most)
        except UsageError as error:
            return str(error)
        for side, ours, all_of_theirs in (("bid", view.bids, truth.bids), ("ask", view.asks, truth.asks)):
            # What was promised, and whatever is shown beyond it.
            theirs = all_of_theirs[: max(depth, len(ours))]
            if ours != theirs:
                levels = zip(ours, theirs, strict=False)
                first = next((pair for pair in levels if pair[0] != pair[1]), f"{len(ours)} and {len(theirs)} levels")
                return f"{side}s differ: {first}"
        return None
