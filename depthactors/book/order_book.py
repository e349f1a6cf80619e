"""The order book: two sides, their update id, and what can be promised about them."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING

from depthactors.book import trust
from depthactors.book.numerals import exact, plain
from depthactors.book.side import ASK, BID, BookSide
from depthactors.errors import BookIntegrityError

if TYPE_CHECKING:
    from decimal import Decimal

    from depthactors.binance import Diff, Snapshot


class OrderBook:
    """One symbol's book, made from a snapshot and kept current by diffs.

    It applies every diff that it is given; `sync` decides whether a diff is the next one. `version` is odd while an
    event is applied, so another thread can copy the book and see afterwards whether the copy is of one update
    (`book.view.capture`).

    Thread: one thread changes it.

    Attributes:
        symbol: the symbol, upper case.
        depth: the number of best levels a side that are promised; 0 for no promise.
        bids: the bid side, keys negated.
        asks: the ask side.
        last_update_id: the exchange's id of this state.
        event_time: the last event's `E`, milliseconds since the epoch; 0 before the first event.
        recv_time: the time at which the last change arrived, seconds since the epoch on this machine's clock.
        version: a number that grows, odd while an event is applied, else even.
        decimals: the digits behind the point in the exchange's spelling of prices and of quantities.
        spare: the number of vouched-for levels beyond `depth`, on the thinner side that has an edge; infinite where no
            side has an edge, zero where a side has to be looked at again. Below zero the promise is broken.
        crossed: whether the best bid is above the best ask, which is never so on the exchange.
    """

    __slots__ = (
        "asks",
        "bids",
        "crossed",
        "decimals",
        "depth",
        "event_time",
        "last_update_id",
        "recv_time",
        "spare",
        "symbol",
        "version",
    )

    def __init__(
        self,
        symbol: str,
        snapshot: Snapshot,
        *,
        depth: int = 0,
        keep_unvouched: bool = False,
        max_levels: int | None = None,
        recv_time: float = 0.0,
        whole: bool = False,
    ) -> None:
        """Make a book of a snapshot; O(n log n).

        Args:
            symbol: the symbol, upper case.
            snapshot: the checked levels; each side vouches for the prices down to its last one.
            depth: the number of levels a side that are promised; reads of up to that number are quick.
            keep_unvouched: whether to keep levels beyond the snapshot's range that diffs bring.
            max_levels: the number of levels a side beyond which the worst are dropped.
            recv_time: the time at which the snapshot arrived, seconds since the epoch.
            whole: whether the snapshot has all levels that there are.
        """
        self.symbol = symbol
        self.depth = depth
        self.bids, self.asks = (
            BookSide(
                levels,
                sign,
                whole=whole,
                keep_unvouched=keep_unvouched,
                max_levels=max_levels,
                window=depth,
                asked=snapshot.limit,
            )
            for levels, sign in ((snapshot.bids, BID), (snapshot.asks, ASK))
        )
        self.last_update_id = snapshot.last_update_id
        self.event_time = snapshot.event_time
        self.recv_time = recv_time
        self.version = 0
        self.decimals = snapshot.decimals
        self._assess()

    def apply(self, diff: Diff, recv_time: float = 0.0) -> None:
        """Apply one event; O(levels of the event).

        The caller has made sure that `diff` follows `last_update_id`. Should this raise (memory, a bug), `version`
        stays odd, so that no reader takes the half-applied book.
        """
        self.version += 1
        self.bids.apply(diff.bids)
        self.asks.apply(diff.asks)
        self.last_update_id = diff.last_id
        self.event_time = diff.event_time
        self.recv_time = recv_time
        self._assess()
        self.version += 1

    def look(self, last_good: OrderBook | None, *, quiet: bool, was_cut: bool) -> None:
        """Decide for each side of a fresh snapshot whether it is whole, see `trust`; O(levels).

        Thread: any, before other threads can see the book.

        Args:
            last_good: the book before, if any.
            quiet: whether the stream has brought nothing yet.
            was_cut: whether a side that was believed to be whole was found to be cut.
        """
        for side, before in (
            (self.bids, None if last_good is None else last_good.bids),
            (self.asks, None if last_good is None else last_good.asks),
        ):
            trust.look(side, before, quiet=quiet, was_cut=was_cut)
        self._assess()

    def settle(self, old: OrderBook, *, was_cut: bool) -> bool:
        """Take over what the replaced book, at the same update id, knows better; O(levels).

        Returns whether a side that was believed to be whole was found to be cut; `was_cut` is whether one was before.

        Thread: any, before other threads can see the book.
        """
        self.bids, bids_cut = trust.settle(old.bids, self.bids, was_cut=was_cut)
        self.asks, asks_cut = trust.settle(old.asks, self.asks, was_cut=was_cut)
        self._assess()
        return bids_cut or asks_cut

    def emptied(self, old: OrderBook) -> bool:
        """Return whether this book's snapshot is empty on a side on which the book before has levels.

        A side does not count if the diffs since then made it equal to the other book's.
        """
        return any(
            not new.granted and side.quantities and new.levels() != side.levels()
            for new, side in ((self.bids, old.bids), (self.asks, old.asks))
        )

    @property
    def short(self) -> bool:
        """Whether a side has fewer levels than were requested, and it is unknown whether it is whole."""
        return self.bids.short or self.asks.short

    @property
    def cut(self) -> bool:
        """Whether a side has fewer levels than were requested, and is not known to be whole."""
        return any(side.granted < side.asked and not side.whole for side in (self.bids, self.asks))

    @property
    def believed(self) -> bool:
        """Whether a side is believed to be whole without a proof."""
        return any(side.whole and side.believed is not None for side in (self.bids, self.asks))

    def promise(self, depth: int) -> None:
        """Promise `depth` levels a side from now on; reads that are deeper than before are slower."""
        self.depth = depth
        self._assess()

    def take_times(self, other: OrderBook) -> None:
        """Take the times of the last change from a book at the same update id: a snapshot is no change.

        Thread: any, before other threads can see the book.
        """
        self.event_time, self.recv_time = other.event_time, other.recv_time

    @property
    def sound(self) -> bool:
        """Whether the best `depth` levels of both sides are vouched for and the book is not crossed."""
        return self.spare >= 0 and not self.crossed

    @property
    def best_bid(self) -> Decimal | None:
        """The highest bid price, exact; `None` on an empty side."""
        key = self.bids.best()
        return None if key is None else exact(abs(key))

    @property
    def best_ask(self) -> Decimal | None:
        """The lowest ask price, exact; `None` on an empty side."""
        key = self.asks.best()
        return None if key is None else exact(abs(key))

    @property
    def trusted_bids(self) -> int:
        """The number of best bids that are vouched for."""
        return self.bids.vouched()

    @property
    def trusted_asks(self) -> int:
        """The number of best asks that are vouched for."""
        return self.asks.vouched()

    def differences(self, other: OrderBook) -> int:
        """Return the number of levels in which two books differ, where both vouch for them; O(levels)."""
        count = 0
        for ours, theirs in ((self.bids, other.bids), (self.asks, other.asks)):
            edge = min(ours.edge, theirs.edge)
            mine, yours = ours.quantities, theirs.quantities
            for key in mine.keys() | yours.keys():
                if key <= edge and mine.get(key) != yours.get(key):
                    count += 1
        return count

    def matches(self, other: OrderBook) -> bool:
        """Return whether two sound books are equal in all that both vouch for, or other books in all levels."""
        if self.sound and other.sound:
            return not self.differences(other)
        return self.bids.levels() == other.bids.levels() and self.asks.levels() == other.asks.levels()

    def check(self) -> None:
        """Verify every invariant of the book; O(n log n).

        Raises:
            BookIntegrityError: an invariant is broken; the message names it and has the state.
        """
        self.bids.check(f"{self.symbol} bids")
        self.asks.check(f"{self.symbol} asks")
        if self.version % 2:
            msg = f"{self.symbol}: an event is half applied (version {self.version})"
            raise BookIntegrityError(msg)
        # No resting bid is above a resting ask: the exchange would have matched them.
        bid, ask = self.best_bid, self.best_ask
        crossed = bid is not None and ask is not None and bid > ask
        if crossed or self.crossed:
            msg = f"{self.symbol}: crossed at update {self.last_update_id}: bid {bid}, ask {ask}"
            raise BookIntegrityError(msg)

    def __repr__(self) -> str:
        """Show symbol, id, best prices and numbers of levels."""
        bid, ask = (plain(price) if price is not None else "-" for price in (self.best_bid, self.best_ask))
        return f"<OrderBook {self.symbol} u={self.last_update_id} {bid}/{ask} levels={len(self.bids)}/{len(self.asks)}>"

    def _assess(self) -> None:
        """Compute `spare` and `crossed`; O(1), at each event."""
        bids, asks, depth = self.bids, self.asks, self.depth
        self.spare = min(bids.spare(depth), asks.spare(depth)) if depth else inf
        bid_window, ask_window = bids.window, asks.window
        self.crossed = bool(bid_window and ask_window) and -bid_window[0] > ask_window[0]
