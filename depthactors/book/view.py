"""The view of a book that readers get: immutable, picklable, both sides of one update id."""

from __future__ import annotations

from bisect import bisect_right
from decimal import getcontext
from itertools import accumulate
from math import fsum
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final, Generic, Literal, TypeAlias

from depthactors.book.html import ladder_html
from depthactors.book.numerals import CONTEXT, TOLERANCE, Level, Number, NumberT, NumberT_co, exact, given, spelt
from depthactors.book.state import BookState
from depthactors.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable
    from decimal import Context, Decimal

    from depthactors.book.order_book import OrderBook
    from depthactors.book.side import BookSide

Side: TypeAlias = Literal["bid", "ask"]

_SLOT_OF: Final = {
    "symbol": "_symbol",
    "state": "_state",
    "last_update_id": "_last_update_id",
    "event_time": "_event_time",
    "recv_time": "_recv_time",
    "age": "_age",
    "bids": "_exact_bids",
    "asks": "_exact_asks",
    "number": "_number",
    "decimals": "_decimals",
}
"""The slot of each argument of a view: all that is compared, copied and pickled."""
_values_of: Final = attrgetter(*_SLOT_OF.values())


class BookView(Generic[NumberT_co]):
    """The best levels of both sides at one update id. Immutable and picklable.

    Generic in the number type: `BookView` alone is `BookView[float]`.

    It keeps numbers as the book does, and converts them when they are first read. `mid`, `spread` and `microprice` are
    computed from the exchange's decimals and rounded once: a spread of 0.03 is not 0.029999999999974534 as a float.

    Thread: any.
    """

    __slots__ = (*_SLOT_OF.values(), "_asks", "_bids")

    def __init__(
        self,
        symbol: str,
        state: BookState,
        *,
        last_update_id: int = 0,
        event_time: int = 0,
        recv_time: float = 0.0,
        age: float = 0.0,
        bids: tuple[Level[Number], ...] = (),
        asks: tuple[Level[Number], ...] = (),
        number: type[NumberT_co] = float,  # type: ignore[assignment]
        decimals: tuple[int, int] = (0, 0),
        converted: bool = False,
    ) -> None:
        """Keep exact levels `(price, quantity)`; unless they are `converted`, they become `number` when first read."""
        # Read-only properties over plain slots: setting twelve attributes of a frozen class cost four times as much.
        self._symbol = symbol
        self._state = state
        self._last_update_id = last_update_id
        self._event_time = event_time
        self._recv_time = recv_time
        self._age = age
        self._exact_bids = bids
        self._exact_asks = asks
        self._number: type[Any] = number
        self._decimals = decimals
        self._bids: tuple[Level[Any], ...] | None = bids if converted else None
        self._asks: tuple[Level[Any], ...] | None = asks if converted else None

    def __reduce__(self) -> tuple[Any, ...]:
        return _restored, (self._arguments(),)

    def __eq__(self, other: object) -> bool:
        return bool(_values_of(self) == _values_of(other)) if isinstance(other, BookView) else NotImplemented

    def __hash__(self) -> int:
        return hash((self.symbol, self.state, self.last_update_id))

    def __repr__(self) -> str:
        """Show the best levels, the id and the state."""
        (bid, bid_size), (ask, ask_size) = self.best_bid or ("-", "-"), self.best_ask or ("-", "-")
        return (
            f"<BookView {self.symbol} {self.state} u={self.last_update_id} "
            f"{bid} x {bid_size} / {ask} x {ask_size}, {len(self.bids)}/{len(self.asks)} levels>"
        )

    def _repr_html_(self) -> str:
        """Return the best levels as a table, for notebooks."""
        title = f"{self.symbol} {self.state}, update {self.last_update_id}, {len(self.bids)}/{len(self.asks)} levels"
        return ladder_html(title, self.texts("bid"), self.texts("ask"))

    def _arguments(self) -> dict[str, Any]:
        return dict(zip(_SLOT_OF, _values_of(self), strict=True))

    @property
    def symbol(self) -> str:
        """The book's symbol, upper case."""
        return self._symbol

    @property
    def state(self) -> BookState:
        """What could be believed of the book when the view was taken."""
        return self._state

    @property
    def last_update_id(self) -> int:
        """The exchange's id of this state of the book; 0 when there is no book yet."""
        return self._last_update_id

    @property
    def event_time(self) -> int:
        """The exchange's clock at the last event, milliseconds since the epoch; 0 if unknown."""
        return self._event_time

    @property
    def recv_time(self) -> float:
        """This machine's clock when the last change arrived, seconds since the epoch."""
        return self._recv_time

    @property
    def age(self) -> float:
        """Seconds from the last change to the taking of this view. A quiet book ages without being stale."""
        return self._age

    @property
    def bids(self) -> tuple[Level[NumberT_co], ...]:
        """Bid levels `(price, quantity)`, highest price first; O(n) the first time."""
        levels = self._bids
        if levels is None:
            levels = self._bids = self._levels(self._exact_bids)
        return levels

    @property
    def asks(self) -> tuple[Level[NumberT_co], ...]:
        """Ask levels `(price, quantity)`, lowest price first; O(n) the first time."""
        levels = self._asks
        if levels is None:
            levels = self._asks = self._levels(self._exact_asks)
        return levels

    @property
    def best_bid(self) -> Level[NumberT_co] | None:
        """The highest bid `(price, quantity)`, `None` where there is none."""
        return self.bids[0] if self.bids else None

    @property
    def best_ask(self) -> Level[NumberT_co] | None:
        """The lowest ask `(price, quantity)`, `None` where there is none."""
        return self.asks[0] if self.asks else None

    @property
    def mid(self) -> NumberT_co | None:
        """The mean of the two best prices, `None` unless both sides have one."""
        touch = self._touch()
        if touch is None:
            return None
        context, bid, _, ask, _ = touch
        return self._derived(context.divide(context.add(bid, ask), 2))

    @property
    def spread(self) -> NumberT_co | None:
        """Best ask less best bid, in price units; `None` unless both sides have one."""
        touch = self._touch()
        if touch is None:
            return None
        context, bid, _, ask, _ = touch
        return self._derived(context.subtract(ask, bid))

    @property
    def spread_bps(self) -> NumberT_co | None:
        """The spread in hundredths of a percent of `mid`; `None` unless both sides have a price."""
        touch = self._touch()
        if touch is None:
            return None
        context, bid, _, ask, _ = touch
        # Twice the spread, because the sum of the two prices is twice the middle.
        return self._derived(
            context.divide(context.multiply(20_000, context.subtract(ask, bid)), context.add(bid, ask))
        )

    @property
    def microprice(self) -> NumberT_co | None:
        """The best prices weighted by the quantity on the other side; `None` unless both sides have one."""
        touch = self._touch()
        if touch is None:
            return None
        context, bid, bid_size, ask, ask_size = touch
        weighted = context.fma(bid, ask_size, context.multiply(ask, bid_size))
        return self._derived(context.divide(weighted, context.add(bid_size, ask_size)))

    def imbalance(self, n: int = 1) -> NumberT_co | None:
        """Return (bid - ask) / (bid + ask) of the best `n` levels' quantities: -1 to 1, `None` on an empty book."""
        if type(n) is not int or n < 1:
            msg = f"expected a number of levels of at least 1, was {n!r}"
            raise UsageError(msg)
        bid, ask = self._total(self.bids[:n]), self._total(self.asks[:n])
        share: NumberT_co | None = (bid - ask) / (bid + ask) if bid + ask else None
        return share

    def vwap(self, side: Side, quantity: Number | None = None, *, quote: Number | None = None) -> NumberT_co | None:
        """Return the mean price of taking `quantity` from `side`; `None` if the view has less than that.

        A quantity that is a float, and every sum of floats, counts to twelve digits.

        Args:
            side: `bid` or `ask`.
            quantity: what is taken, in units of the base asset.
            quote: instead of `quantity`, what is paid or earned, in units of the quote asset.

        Raises:
            UsageError: an argument that is not allowed, or both amounts.
        """
        if quantity is not None and quote is not None:
            msg = f"expected a quantity or a quote amount, was {quantity!r} and {quote!r}"
            raise UsageError(msg)
        left, tolerance = (
            self._to_fill("a quantity", quantity) if quote is None else self._to_fill("a quote amount", quote)
        )
        taken: list[Any] = []
        paid: list[Any] = []
        for price, available in self._side(side):
            part = min(left, available if quote is None else price * available)
            taken.append(part if quote is None else part / price)
            paid.append(price * part if quote is None else part)
            left -= part
            if left <= tolerance:
                if len(taken) == 1:
                    # Not computed: quote / (quote / price) need not be the price.
                    return self._derived(price)
                if self._number is float:
                    # As many digits as the exchange's own numbers have: the others are the floats'.
                    return self._derived(f"{fsum(paid) / fsum(taken):.15g}")
                return self._derived(sum(paid) / sum(taken))
        return None

    def cumulative(self, side: Side) -> tuple[Level[NumberT_co], ...]:
        """Return `(price, quantity from the best level to this one)` of each level of one side; O(n)."""
        totals = accumulate((exact(quantity) for _, quantity in self.exact(side)), CONTEXT.add)
        return tuple(
            [(price, self._derived(total)) for (price, _), total in zip(self._side(side), totals, strict=True)]
        )

    def to_price(self, side: Side, price: Number) -> tuple[Level[NumberT_co], ...]:
        """Return the levels from the best to `price`, which is included; O(log n).

        A price of any number type means its decimal: `0.1` and `Decimal("0.1")` are the same.
        """
        levels = self._side(side)
        limit, misses = given("a price", price)
        sign = -1 if side == "bid" else 1
        worst = sign * self._number(CONTEXT.add(limit, misses.copy_sign(sign)))
        return levels[: bisect_right(levels, worst, key=lambda level: sign * level[0])]

    def to_volume(self, side: Side, volume: Number) -> tuple[Level[NumberT_co], ...]:
        """Return the fewest best levels that have `volume` together, or all levels if they have less.

        A volume counts as the quantity of `vwap` does.
        """
        levels = self._side(side)
        left, tolerance = self._to_fill("a volume", volume)
        for count, (_, quantity) in enumerate(levels, start=1):
            left -= quantity
            if left <= tolerance:
                return levels[:count]
        return levels

    def best(self, levels: int | None, number: type[NumberT]) -> BookView[NumberT]:
        """Return the same view of the best `levels` a side, or all, in numbers of another type, without loss."""
        cut = {"bids": self._exact_bids[:levels], "asks": self._exact_asks[:levels], "number": number}
        return BookView(**self._arguments() | cut)

    @property
    def number(self) -> type[NumberT_co]:
        """The type of its prices and quantities: `float` or `Decimal`."""
        return self._number

    @property
    def decimals(self) -> tuple[int, int]:
        """Digits behind the point in the exchange's spelling of prices and of quantities."""
        return self._decimals

    def exact(self, side: Side) -> tuple[Level[Number], ...]:
        """Return one side's levels `(price, quantity)` as the book keeps them, whatever the view's number type."""
        _check_side(side)
        return self._exact_bids if side == "bid" else self._exact_asks

    def texts(self, side: Side) -> list[tuple[str, str]]:
        """Return one side's levels `(price, quantity)` as the exchange spelt them, best first; O(n)."""
        price_decimals, decimals = self._decimals
        return [(spelt(price, price_decimals), spelt(quantity, decimals)) for price, quantity in self.exact(side)]

    def as_dict(self) -> dict[str, Any]:
        """Return everything as plain values, for JSON; levels are `[price, quantity]` in the view's numbers; O(n).

        `json` writes `Decimal`s with `json.dumps(..., default=str)`.
        """
        sides = {"bids": [list(level) for level in self.bids], "asks": [list(level) for level in self.asks]}
        return self._head() | {"age": self.age} | sides

    def levels_as_rows(self) -> list[dict[str, Any]]:
        """Return a row for each level, as `pandas.DataFrame` takes them: bids first, best first; O(n).

        Beside symbol, state, update id and times a row has `side` (`bid` or `ask`), `level` (1 is the best), `price`
        and `quantity`.
        """
        head = self._head()
        return [
            head | {"side": side, "level": level, "price": price, "quantity": quantity}
            for side, levels in (("bid", self.bids), ("ask", self.asks))
            for level, (price, quantity) in enumerate(levels, start=1)
        ]

    def _head(self) -> dict[str, Any]:
        return {
            "symbol": self.symbol,
            "state": str(self.state),
            "last_update_id": self.last_update_id,
            "event_time": self.event_time,
            "recv_time": self.recv_time,
        }

    def _side(self, side: Side) -> tuple[Level[Any], ...]:
        _check_side(side)
        return self.bids if side == "bid" else self.asks

    def _total(self, levels: tuple[Level[Any], ...]) -> Any:
        quantities = [quantity for _, quantity in levels]
        return fsum(quantities) if self._number is float else sum(quantities)

    def _touch(self) -> tuple[Context, Decimal, Decimal, Decimal, Decimal] | None:
        """Return the context to compute in and both best levels, exact: floats would show their own last digits."""
        if not self._exact_bids or not self._exact_asks:
            return None
        (bid, bid_size), (ask, ask_size) = self._exact_bids[0], self._exact_asks[0]
        context = CONTEXT if self._number is float else getcontext()
        return context, exact(bid), exact(bid_size), exact(ask), exact(ask_size)

    def _derived(self, number: Any) -> NumberT_co:
        derived: NumberT_co = self._number(number)
        return derived

    def _to_fill(self, what: str, quantity: Number | None) -> tuple[Any, Any]:
        """Return a quantity to fill, and the part of it that may be left, in the view's numbers."""
        wanted, misses = given(what, quantity)
        if not (wanted.is_finite() and wanted > 0):
            msg = f"expected {what} above zero, was {quantity!r}"
            raise UsageError(msg)
        if self._number is float:
            misses = max(misses, CONTEXT.multiply(wanted.copy_abs(), TOLERANCE))
        return self._number(wanted), self._number(misses)

    def _levels(self, exact_levels: tuple[Level[Number], ...]) -> tuple[Level[Any], ...]:
        number: Callable[[Number], Any] = float if self._number is float else exact
        return tuple([(number(price), number(quantity)) for price, quantity in exact_levels])


def _check_side(side: Side) -> None:
    if side not in {"bid", "ask"}:
        msg = f"expected 'bid' or 'ask', was {side!r}"
        raise UsageError(msg)


def _restored(arguments: dict[str, Any]) -> BookView[Any]:
    return BookView(**arguments)


_new: Final[Callable[[type[Any]], Any]] = object.__new__
_fill: Final[Callable[..., None]] = BookView.__init__
"""Called one after the other they take two thirds of the time of `BookView(...)`, or less than half with keywords."""


def capture(
    book: OrderBook, count: int | None, state: BookState, number: type[NumberT], now: float, depth: int = 0
) -> BookView[NumberT] | None:
    """Copy the best `count` levels of both sides, or all of them with `None`, without a lock or a message.

    Returns `None` if the book changed meanwhile: try again. A view is always of one update id. A book that is not
    sound, or does not promise `depth` levels, is stale. O(count) within the window.

    Thread: any.
    """
    version = book.version
    if version % 2:
        return None
    try:
        bids: tuple[Level[Any], ...] | None = _float_levels(book.bids, count) if number is float else None
        asks: tuple[Level[Any], ...] | None = None if bids is None else _float_levels(book.asks, count)
        converted = bids is not None and asks is not None
        if bids is None or asks is None:
            bids, asks = _levels(book.bids, count), _levels(book.asks, count)
    except (KeyError, IndexError, RuntimeError):
        # A level was removed, or the dict changed its size, during the copy: it is torn.
        return None
    if state is BookState.LIVE and (book.spare < 0 or book.crossed or book.depth < depth):
        state = BookState.STALE
    if book.crossed:
        bids = asks = ()
    recv_time = book.recv_time
    view: BookView[NumberT] = _new(BookView)  # pyright: ignore[reportAssignmentType] - of any number type
    _fill(
        view,
        book.symbol,
        state,
        last_update_id=book.last_update_id,
        event_time=book.event_time,
        recv_time=recv_time,
        age=now - recv_time if now > recv_time else 0.0,
        bids=bids,
        asks=asks,
        number=number,
        decimals=book.decimals,
        converted=converted,
    )
    return view if book.version == version else None


def _float_levels(side: BookSide, count: int | None) -> tuple[Level[float], ...] | None:
    """Copy and convert in one pass, which halves what a view of few levels costs; `None` if a float loses digits."""
    sign: float = side.sign
    quantities: dict[float, Any] = side.quantities
    try:
        return tuple([(key * sign, quantities[key] * 1.0) for key in side.best_keys(count)])
    except TypeError:
        # A `Decimal` cannot be multiplied by a float.
        return None


def _levels(side: BookSide, count: int | None) -> tuple[Level[Number], ...]:
    sign, quantities = side.sign, side.quantities
    return tuple([(key * sign, quantities[key]) for key in side.best_keys(count)])
