"""Comparing views with the exchange's own book."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from depthactors.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from depthactors.book import BookView
    from tests.sim.exchange import SimulatedExchange

_KEPT = 2_000


class Truth:
    """Compares, and counts.

    Attributes:
        compared: number of views that were compared.
    """

    def __init__(self, exchange: SimulatedExchange, fail: Callable[[str], None]) -> None:
        self.compared = 0
        self._top, self._fail = exchange.top, fail
        self._known: dict[tuple[str, int], tuple[int, list[Any], list[Any]]] = {}

    def compare(self, view: BookView[Any], levels: int) -> None:
        """Fail unless the best levels of a view are the exchange's."""
        self.compared += 1
        symbol, update_id = view.symbol, view.last_update_id
        known = self._known.get((symbol, update_id))
        if known is None or known[0] < levels:
            try:
                known = (levels, *self._top(symbol, update_id, levels))
            except UsageError as error:
                self._fail(f"{symbol}: live at an update that the exchange does not know: {error}")
                return
            self._known[symbol, update_id] = known
            if len(self._known) > _KEPT:
                del self._known[next(iter(self._known))]
        for side, ours, theirs in (("bids", view.bids, known[1]), ("asks", view.asks, known[2])):
            if list(ours[:levels]) != theirs[:levels]:
                words = f"{levels} {side} at update {update_id} are {ours[:levels]}, the exchange's {theirs[:levels]}"
                self._fail(f"{symbol}: live and wrong: {words}")
