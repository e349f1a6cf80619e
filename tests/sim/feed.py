"""A market that costs next to nothing to simulate, and its truth, which shares no code with the library's books.

Prices are whole ticks. All bids are at or below the middle, all asks above it; so the best levels are found by
walking from there, and no order of prices has to be kept.
"""

from __future__ import annotations

from collections import deque
from decimal import Decimal
from functools import cache
from random import Random
from typing import TYPE_CHECKING, Any, NamedTuple

from depthactors.errors import UsageError
from depthactors.exchange.feeds.depth_event import DepthEvent, Step
from depthactors.exchange.feeds.truth import BookTruth
from depthactors.exchange.shapes.depth import Depth
from depthactors.exchange.shapes.table import shape_of

if TYPE_CHECKING:
    from depthactors.dispatcher import Clock
    from depthactors.markets import Market

FIRST_ID = 1_000_000_000_000
TICKS = 9_000
"""Number of prices: 50.00 and the next 8,999 hundredths."""
_EDGE = 2_000
"""Ticks that the middle keeps from the first and the last price."""
_SHARE = 0.7
"""Share of prices that have a level at the beginning."""
_HISTORY = 4_096
"""Number of events that the truth reaches back."""
_COPY_EVERY = 256
"""Number of events between two kept copies of the book."""
_TREND = 600
"""Number of steps for which prices rather rise, or rather fall."""
_SECOND = 10
"""Number of events that slower streams may merge."""

PRICES = [f"{50 + tick // 100}.{tick % 100:02d}" for tick in range(TICKS)]
QUANTITIES = [f"{units // 100}.{units % 100:02d}" for units in range(2_000)]
"""Quantities by their hundredths; none is zero."""


class _Book(NamedTuple):
    """Quantities by ticks, and the middle: the highest price that may have a bid."""

    bids: dict[int, int]
    asks: dict[int, int]
    middle: int

    def copy(self) -> _Book:
        return _Book(self.bids.copy(), self.asks.copy(), self.middle)

    def best(self, levels: int) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
        """Return (tick, units) of the best levels, best first; O(ticks walked)."""
        return (
            _walk(self.bids, range(self.middle, -1, -1), levels),
            _walk(self.asks, range(self.middle + 1, TICKS), levels),
        )


class _Change(NamedTuple):
    """One event: what was set (0: removed), the middle after it, and the ids by which the book after it is known."""

    bids: dict[int, int]
    asks: dict[int, int]
    middle: int
    ids: list[int]


def _walk(side: dict[int, int], ticks: range, levels: int) -> list[tuple[int, int]]:
    found = []
    for tick in ticks:
        if tick in side:
            found.append((tick, side[tick]))
            if len(found) == levels:
                break
    return found


def _set(side: dict[int, int], changes: dict[int, int]) -> None:
    for tick, units in changes.items():
        if units:
            side[tick] = units
        else:
            side.pop(tick, None)


class SimulatedFeed:
    """One symbol: an event at each step. As `exchange.feeds.feed.Feed`; bookTicker streams stay silent.

    The same seed and symbol make the same events, whatever is asked and whenever; only `E`, `T` and a closed session
    go by the clock. Snapshots are 0 to 2 events behind. On futures the ids have holes, and a snapshot's id may be one
    in a hole.
    """

    is_recording = False
    speed = 1.0

    def __init__(
        self,
        symbol: str,
        market: Market,
        *,
        seed: int,
        rate: float,
        levels: float,
        clock: Clock,
        number: type = float,
        moves: float = 0.3,
    ) -> None:
        """Make the first book.

        Args:
            symbol: the symbol, upper case.
            market: the market, which decides shapes and update ids.
            seed: the seed.
            rate: steps a second.
            levels: number of changed levels an event, about.
            clock: the time.
            number: the type of the numbers that `top` returns.
            moves: share of the steps at which the middle moves.
        """
        self.symbol, self.market = symbol, market
        self._shape = shape_of(market)
        self.number_format = self._shape.symbols.terms(symbol).number_format
        self.interval = market.speeds[0][0]
        self.pause = 1.0 / rate
        self._changes = max(1, round(2 * levels) - 1)
        self._clock, self._moves = clock, moves
        self._draws = Random(f"{seed}/{symbol}/events")
        self._lag = Random(f"{seed}/{symbol}/snapshots")
        self._prices, self._quantities = _numbers(number)
        self._opens_at = 0.0
        self._steps = 0
        self._bias = 0.5
        # Of two symbols far from each other, as at the exchange: no book of the one continues the other's stream.
        self._last_id = FIRST_ID + Random(f"{seed}/{symbol}/first").randrange(FIRST_ID)
        self._hole = 0
        middle = TICKS // 2
        units = {tick: self._units() for tick in range(TICKS) if self._draws.random() < _SHARE}
        self._book = _Book(
            {tick: each for tick, each in units.items() if tick <= middle},
            {tick: each for tick, each in units.items() if tick > middle},
            middle,
        )
        self._recent: deque[DepthEvent] = deque(maxlen=_SECOND)
        self._made = 0
        self._events: deque[_Change] = deque([_Change({}, {}, middle, [self._last_id])])
        self._place_of = {self._last_id: 0}
        self._copies: deque[tuple[int, _Book]] = deque([(0, self._book.copy())])
        self._asked: tuple[int, _Book] = (0, self._book.copy())

    @property
    def last_id(self) -> int:
        """`u` of the last event."""
        return self._last_id

    def due(self) -> float:
        """Return the seconds from the start to the next step."""
        return self._steps * self.pause

    def step(self, *, tickers: bool) -> Step:  # noqa: ARG002 - there are none
        """Trade, and return what changed."""
        self._steps += 1
        if self._clock.monotonic() < self._opens_at:
            return Step(self._steps, None)
        bids, asks, middle = self._trade()
        self._book = self._book._replace(middle=middle)
        _set(self._book.bids, bids)
        _set(self._book.asks, asks)
        previous_id, first_id = self._last_id, self._last_id + self._hole + 1
        self._last_id = first_id + int(5 * self._draws.random())
        self._hole = int(4 * self._draws.random()) if self._shape.full_events else 0
        ids = (first_id, self._last_id, previous_id)
        self._keep(_Change(bids, asks, middle, [self._last_id]))
        now = self._now_us()
        payload = self._shape.diff(
            self.symbol,
            now,
            ids,
            [(PRICES[tick], QUANTITIES[bids[tick]]) for tick in sorted(bids, reverse=True)],
            [(PRICES[tick], QUANTITIES[asks[tick]]) for tick in sorted(asks)],
        )
        event = DepthEvent(self._steps, *ids, now, payload)
        self._recent.append(event)
        return Step(self._steps, event)

    def top(self, update_id: int, levels: int) -> tuple[list[tuple[float, float]], list[tuple[float, float]]]:
        """Return the best levels, bids and asks, after the event of that id; `number` of their texts.

        Cost: the events since the id that was asked for last, if it was lower.

        Raises:
            UsageError: the exchange never showed that id, or too long ago.
        """
        prices, quantities = self._prices, self._quantities
        bids, asks = self._asked_for(update_id).best(levels)
        return (
            [(prices[tick], quantities[units]) for tick, units in bids],
            [(prices[tick], quantities[units]) for tick, units in asks],
        )

    def book_at(self, update_id: int, levels: int | None = None) -> BookTruth:
        """Return the exact book after the event of that id; raises as `top` does."""
        bids, asks = self._asked_for(update_id).best(levels or TICKS)
        return BookTruth(self.symbol, update_id, _decimals(bids), _decimals(asks))

    def present(self, limit: int) -> Depth:
        """Return the best levels after the last step."""
        return self._depth(self._last_id, self._book, limit)

    def snapshot(self, limit: int) -> Depth:
        """Return a book of the last few events."""
        place = max(self._oldest, self._made - self._lag.randint(0, 2))
        last_id = self._change(place).ids[0]
        if place == self._made and self._hole:
            last_id += self._lag.randint(0, self._hole)
            self._name(place, last_id)
        return self._depth(last_id, self._at(place), limit)

    def stale(self, limit: int) -> Depth:
        """Return the oldest book that is kept."""
        return self._depth(self._events[0].ids[0], self._at(self._oldest), limit)

    def since(self, number: int) -> list[DepthEvent]:
        """Return the events of the intervals after number `number`."""
        return [event for event in self._recent if event.number > number]

    def renumber(self) -> None:
        """Continue the same book with much lower update ids."""
        self._last_id //= 2
        self._hole = 0
        self._name(self._made, self._last_id)
        # The book after the last event is shown by its new id from now on.
        self._change(self._made).ids.reverse()

    def close_session(self, seconds: float) -> None:
        """Change nothing for `seconds`."""
        self._opens_at = self._clock.monotonic() + seconds

    def close(self) -> None:
        """Do nothing: there is no file."""

    @property
    def _oldest(self) -> int:
        return self._made + 1 - len(self._events)

    def _trade(self) -> tuple[dict[int, int], dict[int, int], int]:
        """Return the changes of both sides, and the new middle."""
        random = self._draws.random
        book = self._book
        bids: dict[int, int] = {}
        asks: dict[int, int] = {}
        middle = book.middle
        if self._steps % _TREND == 1:
            self._bias = 0.35 + 0.3 * random()
        if random() < self._moves:
            middle += (1 + int(3 * random())) * (1 if random() < self._bias else -1)
            middle = min(max(middle, _EDGE), TICKS - _EDGE)
            for tick in range(book.middle + 1, middle + 1):
                asks[tick] = 0
                bids[tick] = self._units() if random() < _SHARE else 0
            for tick in range(middle + 1, book.middle + 1):
                bids[tick] = 0
                asks[tick] = self._units() if random() < _SHARE else 0
        for _ in range(1 + int(self._changes * random())):
            far = random()
            offset = int(36_000 * far) if far < 0.05 else int(40 * random() ** 3)
            units = self._units() if random() < 0.6 else 0
            if random() < 0.5:
                bids[max(0, middle - offset)] = units
            else:
                asks[min(TICKS - 1, middle + 1 + offset)] = units
        return bids, asks, middle

    def _units(self) -> int:
        return 1 + int((len(QUANTITIES) - 1) * self._draws.random())

    def _keep(self, change: _Change) -> None:
        self._made += 1
        self._events.append(change)
        self._place_of[self._last_id] = self._made
        if self._made % _COPY_EVERY == 0:
            self._copies.append((self._made, self._book.copy()))
        if len(self._events) > _HISTORY + _COPY_EVERY:
            # As many as lie between two copies: the oldest event is one of which there is a copy.
            for _ in range(_COPY_EVERY):
                for update_id in self._events.popleft().ids:
                    del self._place_of[update_id]
            self._copies.popleft()

    def _change(self, place: int) -> _Change:
        return self._events[place - self._oldest]

    def _name(self, place: int, update_id: int) -> None:
        if self._place_of.get(update_id) != place:
            self._place_of[update_id] = place
            self._change(place).ids.append(update_id)

    def _asked_for(self, update_id: int) -> _Book:
        place = self._place_of.get(update_id)
        if place is None:
            msg = f"expected an update id of {self.symbol} that was shown lately, was {update_id}"
            raise UsageError(msg)
        at, book = self._asked
        if not self._oldest <= at <= place or place - at > _COPY_EVERY:
            book = self._at(place)
        else:
            book = self._forward(book, at, place)
        self._asked = place, book
        return book

    def _at(self, place: int) -> _Book:
        """Return a new book, as it was after the event at that place; O(levels)."""
        at, copy = next(each for each in reversed(self._copies) if each[0] <= place)
        return self._forward(copy.copy(), at, place)

    def _forward(self, book: _Book, at: int, place: int) -> _Book:
        for each in range(at + 1, place + 1):
            change = self._change(each)
            _set(book.bids, change.bids)
            _set(book.asks, change.asks)
        return book._replace(middle=self._change(place).middle)

    def _depth(self, last_id: int, book: _Book, limit: int) -> Depth:
        bids, asks = book.best(limit)
        return Depth(last_id, self._now_us(), _texts(bids), _texts(asks))

    def _now_us(self) -> int:
        return int(self._clock.time() * 1_000_000)


@cache
def _numbers(number: type) -> tuple[list[Any], list[Any]]:
    """Return all prices and all quantities in a type, made once for all feeds."""
    return [number(price) for price in PRICES], [number(quantity) for quantity in QUANTITIES]


def _texts(levels: list[tuple[int, int]]) -> list[tuple[str, str]]:
    return [(PRICES[tick], QUANTITIES[units]) for tick, units in levels]


def _decimals(levels: list[tuple[int, int]]) -> tuple[tuple[Decimal, Decimal], ...]:
    return tuple((Decimal(PRICES[tick]), Decimal(QUANTITIES[units])) for tick, units in levels)
