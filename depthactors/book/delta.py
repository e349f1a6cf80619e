"""The delta of a book: what changed between two of its views, to as many levels as they have.

`apply(view, difference(view, later)) == later`. A reader that gets a view once and deltas from then on has every view.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Final, Generic

from depthactors.book.numerals import Level, Number, NumberT_co, exact
from depthactors.book.view import BookView
from depthactors.errors import UsageError

if TYPE_CHECKING:
    from depthactors.book.state import BookState
    from depthactors.book.view import Side


@dataclass(frozen=True, slots=True, kw_only=True)
class BookDelta(Generic[NumberT_co]):
    """What changed from one view of a book to a later one. Immutable and picklable.

    Thread: any.

    Attributes:
        symbol, state, last_update_id, event_time, recv_time, age, decimals: as in the later view.
        previous_update_id: id of the view to which it applies; `None` for a snapshot, which applies to any view.
        number: type of prices and quantities, `float` or `Decimal`.
        exact_bids: bid levels `(price, quantity)` that changed, as the book keeps numbers, best price first; a quantity
            of 0 means that the level is not among the view's levels any more: it was removed, or better ones came.
        exact_asks: the same for the asks.
        conflated: whether it may be the sum of several updates of the exchange.
    """

    symbol: str
    state: BookState
    previous_update_id: int | None
    last_update_id: int
    event_time: int
    recv_time: float
    age: float
    decimals: tuple[int, int]
    number: type[NumberT_co]
    exact_bids: tuple[Level[Number], ...]
    exact_asks: tuple[Level[Number], ...]
    conflated: bool = False

    @property
    def is_snapshot(self) -> bool:
        """Whether it has all levels of the later view, and needs no earlier one."""
        return self.previous_update_id is None

    @property
    def bids(self) -> tuple[Level[NumberT_co], ...]:
        """Bid levels `(price, quantity)` that changed, quantity 0 for a level that is gone; O(changes)."""
        return self._converted(self.exact_bids)

    @property
    def asks(self) -> tuple[Level[NumberT_co], ...]:
        """Ask levels `(price, quantity)` that changed, quantity 0 for a level that is gone; O(changes)."""
        return self._converted(self.exact_asks)

    def exact(self, side: Side) -> tuple[Level[Number], ...]:
        """Return one side's changed levels as the book keeps numbers; best price first, as in a view."""
        return self.exact_bids if side == "bid" else self.exact_asks

    def _converted(self, levels: tuple[Level[Number], ...]) -> tuple[Level[NumberT_co], ...]:
        number: Any = float if self.number is float else exact
        return tuple([(number(price), number(quantity)) for price, quantity in levels])


_HEAD: Final = tuple(
    field.name
    for field in fields(BookDelta)
    if field.name not in {"symbol", "state", "previous_update_id", "exact_bids", "exact_asks", "conflated"}
)
"""What a delta takes from the later view, by the same names."""


def difference(
    view: BookView[NumberT_co] | None, later: BookView[NumberT_co], *, conflated: bool = False
) -> BookDelta[NumberT_co]:
    """Return what changed from `view` to `later`, or all of `later` without a view; O(levels).

    Args:
        view: the earlier view, or `None` for a snapshot.
        later: a later view of the same book, of as many levels.
        conflated: whether there was an update between the two that neither view shows.

    Raises:
        UsageError: views of different books, or in different number types; or no views.
    """
    _check_class("a view", BookView, *([later] if view is None else [view, later]))
    if view is not None and (view.symbol, view.number) != (later.symbol, later.number):
        msg = (
            f"expected two views of one book, was {view.symbol} in {view.number.__name__} "
            f"and {later.symbol} in {later.number.__name__}"
        )
        raise UsageError(msg)
    return BookDelta(
        symbol=later.symbol,
        state=later.state,
        previous_update_id=None if view is None else view.last_update_id,
        exact_bids=_changed(view, later, "bid"),
        exact_asks=_changed(view, later, "ask"),
        conflated=conflated,
        **{name: getattr(later, name) for name in _HEAD},
    )


def apply(view: BookView[NumberT_co] | None, delta: BookDelta[NumberT_co]) -> BookView[NumberT_co]:
    """Return the view that comes after `view`; O(levels).

    Raises:
        UsageError: the delta is of another book, or does not follow the view; a snapshot of the same book always
            follows. Or an argument is no view, or no delta.
    """
    _check_class("a delta", BookDelta, delta)
    if view is not None:
        _check_class("a view", BookView, view)
    if not _follows(delta, view):
        at = "" if delta.is_snapshot else f" at update {delta.previous_update_id}"
        msg = (
            f"expected a view of {delta.symbol}{at}, "
            f"was {'no view' if view is None else f'one of {view.symbol} at update {view.last_update_id}'}"
        )
        raise UsageError(msg)
    before = None if delta.is_snapshot else view
    return BookView(
        delta.symbol,
        delta.state,
        bids=_applied(before, delta, "bid"),
        asks=_applied(before, delta, "ask"),
        **{name: getattr(delta, name) for name in _HEAD},
    )


def merge(first: BookDelta[NumberT_co], second: BookDelta[NumberT_co]) -> BookDelta[NumberT_co]:
    """Return one delta that does what two deltas in a row do; O(changes).

    Raises:
        UsageError: the second does not follow the first, or is of another book; or one of them is no delta.
    """
    _check_class("a delta", BookDelta, first, second)
    if second.is_snapshot and second.symbol == first.symbol:
        return second
    if (first.symbol, first.last_update_id) != (second.symbol, second.previous_update_id):
        msg = (
            f"expected a delta of {first.symbol} that follows update {first.last_update_id}, "
            f"was one of {second.symbol} that follows update {second.previous_update_id}"
        )
        raise UsageError(msg)
    return BookDelta(
        symbol=second.symbol,
        state=second.state,
        previous_update_id=first.previous_update_id,
        exact_bids=_merged(first, second, "bid"),
        exact_asks=_merged(first, second, "ask"),
        conflated=True,
        **{name: getattr(second, name) for name in _HEAD},
    )


def _check_class(what: str, wanted: type[Any], *given: object) -> None:
    for each in given:
        if not isinstance(each, wanted):
            msg = f"expected {what}, was {each!r}"
            raise UsageError(msg)


def _follows(delta: BookDelta[Any], view: BookView[Any] | None) -> bool:
    if view is None:
        return delta.is_snapshot
    return view.symbol == delta.symbol and (delta.is_snapshot or view.last_update_id == delta.previous_update_id)


def _changed(view: BookView[Any] | None, later: BookView[Any], side: Side) -> tuple[Level[Number], ...]:
    if view is None:
        return later.exact(side)
    before, after = dict(view.exact(side)), dict(later.exact(side))
    changed = {price: quantity for price, quantity in after.items() if before.get(price) != quantity}
    return _best_first(changed | {price: 0.0 for price in before if price not in after}, side)


def _applied(view: BookView[Any] | None, delta: BookDelta[Any], side: Side) -> tuple[Level[Number], ...]:
    before = {} if view is None else dict(view.exact(side))
    return _best_first(_without_gone(before | dict(delta.exact(side))), side)


def _merged(first: BookDelta[Any], second: BookDelta[Any], side: Side) -> tuple[Level[Number], ...]:
    merged = dict(first.exact(side)) | dict(second.exact(side))
    return _best_first(_without_gone(merged) if first.is_snapshot else merged, side)


def _without_gone(levels: dict[Number, Number]) -> dict[Number, Number]:
    return {price: quantity for price, quantity in levels.items() if quantity}


def _best_first(levels: dict[Number, Number], side: Side) -> tuple[Level[Number], ...]:
    return tuple(sorted(levels.items(), reverse=side == "bid"))
