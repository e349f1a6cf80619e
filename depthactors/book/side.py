"""One side of an order book: quantities by price, and the best prices in order.

Theory of operation. Most changes are near the best price, most reads want the best few levels, and a book has
thousands. So all levels are in a dict, and only the best few hundred prices are also in a sorted list, the *window*. A
change outside the window costs one dict store. The window is cut when it grows, and filled again from the dict when
deletions have used it up. A key is a price times the side's sign, so that ascending keys are best first on both sides.
With all prices in the list an event takes 1.3 times as long on spot and 1.2 times on USD-M
(`python -m tests.bench book`).

Trust. A snapshot of n levels vouches for the prices down to its last level, the *edge*. Beyond it a level would be
known only if it happened to change, so changes there are dropped, unless the book keeps every level. A *short* side
may be whole (`trust`): until that is decided, its changes beyond the edge are kept apart and not shown.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from heapq import nsmallest
from math import inf
from typing import TYPE_CHECKING, Final, TypeAlias

from depthactors.errors import BookIntegrityError

if TYPE_CHECKING:
    from depthactors.binance import Levels
    from depthactors.book.numerals import Number

Key: TypeAlias = float
"""A price times its side's sign."""

BID: Final = -1.0
ASK: Final = 1.0


class BookSide:
    """One side of a book.

    Thread: one thread changes it. Others may read `window` and `quantities` under `OrderBook.version`, see
    `book.view.capture`.

    Attributes:
        sign: `BID` or `ASK`.
        quantities: each level's quantity by its key; a `Decimal` where a float would lose digits.
        window: the best keys, ascending; all keys while `window_edge` is infinite.
        window_edge: the largest key that belongs in the window.
        edge: the last key that the snapshot vouches for; infinite on a whole side, minus infinity on an empty one.
        asked: the number of levels that were requested with the snapshot.
        granted: the number of levels that it had.
        short: whether it had fewer levels than were requested, and the side is not taken for whole.
        beyond: the levels beyond the edge of a short side, not shown; `None` on other sides.
        agreements: the number of snapshots in a row before this one that agreed with it.
        varied: whether these had different numbers of levels.
        shrunk: whether it has few levels or none, and the last good book before it had more.
        believed: the number of levels with which it was taken for whole without a proof; `None` with a proof.
    """

    __slots__ = (
        "_high",
        "_keep_unvouched",
        "_low",
        "_max_levels",
        "_size",
        "agreements",
        "asked",
        "believed",
        "beyond",
        "edge",
        "granted",
        "quantities",
        "short",
        "shrunk",
        "sign",
        "varied",
        "window",
        "window_edge",
    )

    def __init__(
        self,
        levels: Levels,
        sign: float,
        *,
        whole: bool,
        keep_unvouched: bool,
        max_levels: int | None,
        window: int,
        asked: int = 0,
    ) -> None:
        """Build the side from a snapshot's levels; O(n log n).

        Args:
            levels: the snapshot's levels, in any order.
            sign: `BID` or `ASK`.
            whole: whether there are no levels beyond.
            keep_unvouched: whether to keep levels beyond the edge that diffs bring.
            max_levels: forget the worst levels beyond this many; the edge moves with them.
            window: the number of best levels that readers usually want at once.
            asked: the number of levels that were requested; with fewer the side is short, unless it is whole.
        """
        # Should a price come twice, the later one holds.
        latest = dict(zip(levels[::2], levels[1::2], strict=True))
        self.sign = sign
        self.quantities: dict[Key, Number] = {price * sign: quantity for price, quantity in latest.items() if quantity}
        self.asked, self.granted = asked, len(levels) // 2
        self.short = not whole and self.granted < asked
        self.edge: Key = inf if whole else max(self.quantities, default=-inf)
        self.beyond: dict[Key, Number] | None = {} if self.short and not keep_unvouched else None
        self.agreements = 0
        self.varied = self.shrunk = False
        self.believed: int | None = None
        self._keep_unvouched = keep_unvouched
        self._max_levels = max_levels
        self._set_sizes(window)
        self.window: list[Key] = []
        self.window_edge: Key = inf
        if max_levels is not None and len(self.quantities) > max_levels:
            self._forget_worst()
        else:
            self._rebuild_window()

    def __len__(self) -> int:
        """Return the number of levels."""
        return len(self.quantities)

    def apply(self, changes: Levels) -> None:  # noqa: C901 - the hot path, where each call counts
        """Set or remove the levels of one event; cannot fail on changes that `binance` made.

        O(1) a level beyond the window, O(window) within it. Removing an unknown level is normal: the exchange does it
        all the time.
        """
        quantities, window, sign, remove = self.quantities, self.window, self.sign, self.quantities.pop
        limit = inf if self._keep_unvouched else self.edge
        window_limit = min(self.window_edge, limit)
        numbers = iter(changes)
        for price, quantity in zip(numbers, numbers, strict=False):
            key = price * sign
            if key > window_limit:
                if not quantity:
                    remove(key, None)
                elif key <= limit:
                    quantities[key] = quantity
            elif quantity:
                if key not in quantities:
                    insort(window, key)
                quantities[key] = quantity
            elif remove(key, None) is not None:
                del window[bisect_left(window, key)]
        size = len(window)
        if size > self._high:
            self._cut_window()
        elif size < self._low and self.window_edge != inf:
            self._rebuild_window()
        if self._max_levels is not None and len(quantities) > self._max_levels:
            self._forget_worst()
        if self.beyond is not None:
            self._keep_apart(self.beyond, changes)

    @property
    def whole(self) -> bool:
        """Whether it has all levels that there are, by a proof or by belief."""
        return self.edge == inf

    @property
    def known(self) -> int:
        """The number of levels with those beyond the edge."""
        return len(self.quantities) + len(self.beyond or ())

    def levels(self) -> dict[Key, Number]:
        """Return the quantities of all levels with those beyond the edge."""
        return self.quantities | self.beyond if self.beyond else self.quantities

    def take_for_whole(self, believed: int | None) -> None:
        """Take the known levels for all that there are, those beyond the edge included; O(n log n).

        Args:
            believed: the number of levels, where it is a belief; `None` with a proof.
        """
        self.quantities = self.levels()
        self.edge, self.short, self.beyond, self.believed = inf, False, None, believed
        self._rebuild_window()

    def copy(self) -> BookSide:
        """Return an independent side with the same levels; O(levels)."""
        twin = object.__new__(BookSide)
        for name in BookSide.__slots__:
            setattr(twin, name, getattr(self, name))
        twin.quantities, twin.window = self.quantities.copy(), self.window.copy()
        twin.beyond = None if self.beyond is None else self.beyond.copy()
        return twin

    def widen(self, count: int) -> None:
        """Keep at least the best `count` keys in the window from now on; O(n log n) the first time, then O(1).

        Thread: the one that changes the side. Readers see the same levels before, after and meanwhile.
        """
        if self._low < count:
            self._set_sizes(count)
            self._rebuild_window()

    def best(self) -> Key | None:
        """Return the best key, `None` on an empty side; O(1)."""
        return self.window[0] if self.window else None

    def best_keys(self, count: int | None = None) -> list[Key]:
        """Return the best `count` keys, best first, or all; O(count) within the window, else O(n log n)."""
        window = self.window
        if count is not None and count <= len(window):
            return window[:count]
        if self.window_edge == inf:
            return window[:]
        keys = sorted(self.quantities)
        return keys if count is None else keys[:count]

    def vouched(self) -> int:
        """Return the number of best levels that are vouched for; O(1), or O(n log n) if others are kept too."""
        if not self._keep_unvouched or self.edge == inf:
            return len(self.quantities)
        return bisect_right(sorted(self.quantities), self.edge)

    def spare(self, depth: int) -> float:
        """Return the number of vouched-for levels beyond the best `depth`; infinite on a whole side.

        Zero on a side that was believed to be whole with another number of levels: it has to be looked at again.
        """
        if self.edge != inf:
            return (self.vouched() if self._keep_unvouched else len(self.quantities)) - depth
        return inf if self.believed is None or self.believed == len(self.quantities) else 0

    def check(self, name: str) -> None:
        """Verify every invariant; O(n log n).

        Raises:
            BookIntegrityError: an invariant is broken; the message names it and has the side.
        """
        ordered = sorted(self.quantities)
        inside = [key for key in ordered if key <= self.window_edge]
        faults = [
            # The window is the sorted run of all keys up to its edge: reads of the top are right.
            (self.window != inside, "window is not the best keys in order"),
            # A cut window never runs dry while the dict has more: reads of the top are full.
            (len(self.window) < min(self._low, len(ordered)), "window is too short"),
            # Only levels that are vouched for are kept.
            (not self._keep_unvouched and bool(ordered) and ordered[-1] > self.edge, "level beyond the edge"),
            # Levels are kept apart only of a side that may be whole, and only those that are not vouched for.
            (self.beyond is not None and not self.short, "levels kept apart of a side that is not short"),
            (any(key <= self.edge for key in self.beyond or ()), "level kept apart within the edge"),
            # A level of quantity zero is no level.
            (any(quantity <= 0 for quantity in self.levels().values()), "level without quantity"),
            # Memory is bounded.
            (self._max_levels is not None and len(ordered) > self._max_levels, "more levels than allowed"),
        ]
        for broken, words in faults:
            if broken:
                msg = (
                    f"{name}: {words}; edge={self.edge!r} window_edge={self.window_edge!r} "
                    f"window={self.window!r} levels={sorted(self.quantities.items())!r}"
                )
                raise BookIntegrityError(msg)

    def _keep_apart(self, beyond: dict[Key, Number], changes: Levels) -> None:
        """Keep the changes beyond the edge of a short side, in case that it is whole; O(changes)."""
        for price, quantity in zip(changes[::2], changes[1::2], strict=True):
            key = price * self.sign
            if key > self.edge:
                beyond[key] = quantity
                if not quantity:
                    del beyond[key]
        if self.known > self.asked:
            # More levels than any reply to the same request has: no reply will agree.
            self.short, self.beyond = False, None

    def _set_sizes(self, window: int) -> None:
        # 8, 48 and 96 were the fastest sizes on recorded traffic, with a read of 5 levels an event. They grow with what
        # readers want, so that no usual read leaves the window.
        self._low = max(8, window + window // 4)
        self._size = self._low * 2 + 32
        self._high = self._size * 2

    def _cut_window(self) -> None:
        """Shorten the window to its middle size; O(window)."""
        del self.window[self._size :]
        self.window_edge = self.window[-1]

    def _rebuild_window(self) -> None:
        """Fill the window again from the dict; O(n log window), rare."""
        if len(self.quantities) <= self._high:
            self.window[:] = sorted(self.quantities)
            self.window_edge = inf
        else:
            self.window[:] = nsmallest(self._size, self.quantities)
            self.window_edge = self.window[-1]

    def _forget_worst(self) -> None:
        """Drop the worst quarter, and vouch for the rest alone; O(n log n), rare."""
        ordered = sorted(self.quantities)
        kept = max(1, (self._max_levels or 0) * 3 // 4)
        for key in ordered[kept:]:
            del self.quantities[key]
        self.edge = min(self.edge, ordered[kept - 1])
        self._rebuild_window()
