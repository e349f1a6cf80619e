"""What a reader gets of a book: immutable, picklable, both sides of one update id."""

from __future__ import annotations

from enum import StrEnum
from math import isfinite
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from depthactors.book.numerals import Level, Number, exact, spelt
from depthactors.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from decimal import Decimal

    from depthactors.book.order_book import OrderBook
    from depthactors.book.side import BookSide

Side: TypeAlias = Literal["bid", "ask"]

RawSide: TypeAlias = "tuple[Sequence[float], Sequence[Number]]"
"""Keys and quantities of one side as the book keeps them, best first."""


class BookState(StrEnum):
    """What may be believed of a book."""

    SYNCING = "SYNCING"
    """No book to show: waiting for the stream, a snapshot, or both; or the last one proved wrong."""
    LIVE = "LIVE"
    """The best `depth` levels of both sides equal the exchange's at `last_update_id`."""
    STALE = "STALE"
    """The last good book; updates were missed and a new one is being made."""
    STOPPED = "STOPPED"
    """Unsubscribed, or the engine was stopped; the book will not change any more."""
    FAILED = "FAILED"
    """Given up, for a reason that was told; the book will not change any more."""


class BookView:
    """The best levels of both sides at one update id. Immutable, picklable, safe in any thread.

    Attributes:
        symbol: upper case.
        state: what may be believed of it, at the time it was taken.
        last_update_id: the exchange's id of this book; 0 when there is none yet.
        event_time: the exchange's clock at the last event, milliseconds since the epoch; 0 if unknown.
        recv_time: this machine's clock when the last change arrived, seconds since the epoch.
        age: seconds between that and the taking of this view. A quiet book ages without being stale.
    """

    __slots__ = (
        "_asks",
        "_bids",
        "_decimals",
        "_number",
        "_raw_asks",
        "_raw_bids",
        "age",
        "event_time",
        "last_update_id",
        "recv_time",
        "state",
        "symbol",
    )

    symbol: str
    state: BookState
    last_update_id: int
    event_time: int
    recv_time: float
    age: float
    _raw_bids: RawSide
    _raw_asks: RawSide
    _number: type[Any]
    _decimals: tuple[int, int]
    _bids: tuple[Level, ...] | None
    _asks: tuple[Level, ...] | None

    def __init__(
        self,
        symbol: str,
        state: BookState,
        last_update_id: int = 0,
        event_time: int = 0,
        recv_time: float = 0.0,
        age: float = 0.0,
        bids: RawSide = ((), ()),
        asks: RawSide = ((), ()),
        number: type[float | Decimal] = float,
        decimals: tuple[int, int] = (0, 0),
    ) -> None:
        """Keep copies of keys and quantities; levels are made when first asked for."""
        put = object.__setattr__
        put(self, "symbol", symbol)
        put(self, "state", state)
        put(self, "last_update_id", last_update_id)
        put(self, "event_time", event_time)
        put(self, "recv_time", recv_time)
        put(self, "age", age)
        put(self, "_raw_bids", (tuple(bids[0]), tuple(bids[1])))
        put(self, "_raw_asks", (tuple(asks[0]), tuple(asks[1])))
        put(self, "_number", number)
        put(self, "_decimals", decimals)
        put(self, "_bids", None)
        put(self, "_asks", None)

    def __setattr__(self, name: str, value: object) -> None:
        msg = f"a BookView is immutable: cannot set {name!r}"
        raise AttributeError(msg)

    def __delattr__(self, name: str) -> None:
        msg = f"a BookView is immutable: cannot delete {name!r}"
        raise AttributeError(msg)

    def __reduce__(self) -> tuple[Any, ...]:
        return BookView, self._key()

    def __eq__(self, other: object) -> bool:
        return self._key() == other._key() if isinstance(other, BookView) else NotImplemented

    def __hash__(self) -> int:
        return hash((self.symbol, self.state, self.last_update_id))

    def __repr__(self) -> str:
        """Show the touch, the id and the state."""
        (bid, bid_size), (ask, ask_size) = self.best_bid or ("-", "-"), self.best_ask or ("-", "-")
        return (
            f"<BookView {self.symbol} {self.state} u={self.last_update_id} "
            f"{bid} x {bid_size} / {ask} x {ask_size}, {len(self.bids)}/{len(self.asks)} levels>"
        )

    def _key(self) -> tuple[Any, ...]:
        return (
            self.symbol,
            self.state,
            self.last_update_id,
            self.event_time,
            self.recv_time,
            self.age,
            self._raw_bids,
            self._raw_asks,
            self._number,
            self._decimals,
        )

    @property
    def bids(self) -> tuple[Level, ...]:
        """Bid levels `(price, quantity)`, highest price first; O(n) the first time."""
        levels = self._bids
        if levels is None:
            levels = self._levels(self._raw_bids)
            object.__setattr__(self, "_bids", levels)
        return levels

    @property
    def asks(self) -> tuple[Level, ...]:
        """Ask levels `(price, quantity)`, lowest price first; O(n) the first time."""
        levels = self._asks
        if levels is None:
            levels = self._levels(self._raw_asks)
            object.__setattr__(self, "_asks", levels)
        return levels

    @property
    def best_bid(self) -> Level | None:
        """The highest bid `(price, quantity)`, `None` where there is none."""
        return self.bids[0] if self.bids else None

    @property
    def best_ask(self) -> Level | None:
        """The lowest ask `(price, quantity)`, `None` where there is none."""
        return self.asks[0] if self.asks else None

    @property
    def mid(self) -> Number | None:
        """The mean of the two best prices, `None` unless both sides have one."""
        touch = self._touch()
        return None if touch is None else (touch[0] + touch[2]) / 2

    @property
    def spread(self) -> Number | None:
        """Best ask less best bid, in price units; `None` unless both sides have one."""
        touch = self._touch()
        return None if touch is None else touch[2] - touch[0]

    @property
    def microprice(self) -> Number | None:
        """The best prices weighted by the quantity on the other side; `None` unless both sides have one."""
        touch = self._touch()
        if touch is None:
            return None
        bid, bid_size, ask, ask_size = touch
        price: Number = (bid * ask_size + ask * bid_size) / (bid_size + ask_size)
        return price

    def imbalance(self, n: int = 1) -> Number | None:
        """Return (bid - ask) / (bid + ask) quantity of the best `n` levels: -1 to 1, `None` on an empty book."""
        bid: Any = sum(quantity for _, quantity in self.bids[:n])
        ask: Any = sum(quantity for _, quantity in self.asks[:n])
        share: Number | None = (bid - ask) / (bid + ask) if bid + ask else None
        return share

    def vwap(self, side: Side, quantity: Number) -> Number | None:
        """Return the mean price of taking `quantity` from `side`; `None` if the view holds less than that."""
        if not (isfinite(quantity) and quantity > 0):
            msg = f"expected a quantity above zero, was {quantity!r}"
            raise UsageError(msg)
        left: Any = self._number(quantity)
        wanted: Any = left
        paid: Any = self._number(0)
        # Sums of floats miss by a few units in the last place; those of Decimals do not.
        tolerance = wanted * 1e-12 if self._number is float else 0
        for price, available in self._side(side):
            taken = min(left, available)
            paid += price * taken
            left -= taken
            if left <= tolerance:
                mean: Number = paid / wanted
                return mean
        return None

    def to_price(self, side: Side, price: Number) -> tuple[Level, ...]:
        """Return the levels from the best to `price`, that one included."""
        levels = self._side(side)
        if side == "bid":
            return tuple(level for level in levels if level[0] >= price)
        return tuple(level for level in levels if level[0] <= price)

    def to_volume(self, side: Side, volume: Number) -> tuple[Level, ...]:
        """Return the fewest best levels that hold `volume` together, or all if they hold less."""
        levels, total = self._side(side), self._number(0)
        for count, (_, quantity) in enumerate(levels, start=1):
            total += quantity
            if total >= volume:
                return levels[:count]
        return levels

    def texts(self, side: Side) -> list[tuple[str, str]]:
        """Return one side's levels `(price, quantity)` as the exchange spelt them, best first; O(n)."""
        _check_side(side)
        keys, quantities = self._raw_bids if side == "bid" else self._raw_asks
        price, quantity = self._decimals
        return [(spelt(abs(key), price), spelt(size, quantity)) for key, size in zip(keys, quantities, strict=True)]

    def _side(self, side: Side) -> tuple[Level, ...]:
        _check_side(side)
        return self.bids if side == "bid" else self.asks

    def _touch(self) -> tuple[Any, Any, Any, Any] | None:
        if not self.bids or not self.asks:
            return None
        return *self.bids[0], *self.asks[0]

    def _levels(self, raw: RawSide) -> tuple[Level, ...]:
        if self._number is float:
            return tuple((abs(key), float(quantity)) for key, quantity in zip(*raw, strict=True))
        return tuple((exact(abs(key)), exact(quantity)) for key, quantity in zip(*raw, strict=True))


def _check_side(side: Side) -> None:
    if side not in {"bid", "ask"}:
        msg = f"expected 'bid' or 'ask', was {side!r}"
        raise UsageError(msg)


def capture(
    book: OrderBook, count: int | None, state: BookState, number: type[float | Decimal], now: float, depth: int = 0
) -> BookView | None:
    """Copy the best `count` levels of both sides, or all of them with `None`.

    Any thread may call it. `None` means that the book changed meanwhile: try again. A view that
    comes back is of one update id. O(count) within the window, without a lock or a message.
    A book that is not sound, or does not promise `depth` levels, is stale.
    """
    version = book.version
    if version % 2:
        return None
    try:
        bids, asks = _copy(book.bids, count), _copy(book.asks, count)
        last_update_id, event_time, recv_time = book.last_update_id, book.event_time, book.recv_time
        if state is BookState.LIVE and not (book.sound and book.depth >= depth):
            state = BookState.STALE
    except (KeyError, IndexError, RuntimeError):
        # A level went, or the dict changed its size, under the copy: it is torn.
        return None
    if book.crossed:
        bids = asks = (), ()
    if book.version != version:
        return None
    age = max(0.0, now - recv_time)
    return BookView(book.symbol, state, last_update_id, event_time, recv_time, age, bids, asks, number, book.decimals)


def _copy(side: BookSide, count: int | None) -> RawSide:
    keys = side.best_keys(count)
    quantities = side.quantities
    return keys, [quantities[key] for key in keys]
