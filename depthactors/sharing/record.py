"""A book's best levels as bytes, and back as a view, exactly.

A record is a head, then four rows of doubles (prices and quantities of the bids, the same of the asks), then words:
JSON with the reason why the book is not live, and with the quantities that are no exact doubles, if there are any. All
numbers are in the machine's own byte order, since no record leaves the machine. Another layout of records needs another
number in `pulse.LAYOUT`.
"""

from __future__ import annotations

from decimal import Decimal
from functools import lru_cache
from struct import Struct
from typing import TYPE_CHECKING, Any, Final

import orjson

from depthactors.book import BookState, BookView
from depthactors.errors import SharingError
from depthactors.sharing.pulse import LAYOUT
from depthactors.version import VERSION

if TYPE_CHECKING:
    from collections.abc import Sequence

    from depthactors.book import OrderBook
    from depthactors.book.numerals import Level, Number, NumberT
    from depthactors.book.side import BookSide

_HEAD: Final = Struct("=BBBBIIIqqd")
"""State, whether numbers are `Decimal`, decimals of prices and of quantities, number of bids and asks, bytes of words,
update id, event time, receive time."""
_STATES: Final = tuple(BookState)
_STATE_CODES: Final = {state: code for code, state in enumerate(_STATES)}
_LEVEL: Final = 2 * 8 + 48
"""Bytes for a level: two doubles, and room for a quantity of 32 characters as text, the most that `binance` takes."""
_WHY: Final = 400
"""Characters of the reason that are kept."""
_WORDS: Final = 6 * _WHY + 100
"""Bytes for the reason, of which each character may be escaped."""


def record_room(depth: int) -> int:
    """Return the largest size of a record of `depth` levels a side, in bytes."""
    return _HEAD.size + 2 * depth * _LEVEL + _WORDS


def pack(book: OrderBook | None, depth: int, state: BookState, number: type[Number], why: str | None = None) -> bytes:
    """Return a record of the best `depth` levels of a book that does not change meanwhile; O(depth).

    A live book that is not sound, or does not promise `depth` levels, is stale; a crossed one has no levels.

    Args:
        book: the book, `None` if there is none yet.
        depth: number of levels a side.
        state: the book's state.
        number: type of a view's prices and quantities.
        why: reason why it is not live, if that is known.
    """
    # An error may name a file whose name is not valid text: half a surrogate pair cannot be encoded.
    words: dict[str, Any] = {} if why is None else {"why": why[:_WHY].encode(errors="replace").decode()}
    bids: list[float] = []
    asks: list[float] = []
    bid_quantities: list[Any] = []
    ask_quantities: list[Any] = []
    decimals, update_id, event_time, recv_time = (0, 0), 0, 0, 0.0
    if book is not None:
        if state is BookState.LIVE and not (book.sound and book.depth >= depth):
            state = BookState.STALE
        if not book.crossed:
            bids, bid_quantities = _rows(book.bids, depth)
            asks, ask_quantities = _rows(book.asks, depth)
            spelt = (_spelt(bid_quantities), _spelt(ask_quantities))
            if any(spelt):
                words["exact"] = spelt
        decimals, update_id = book.decimals, book.last_update_id
        event_time, recv_time = book.event_time, book.recv_time
    text = orjson.dumps(words) if words else b""
    head = _HEAD.pack(
        _STATE_CODES[state],
        number is Decimal,
        *decimals,
        len(bids),
        len(asks),
        len(text),
        update_id,
        event_time,
        recv_time,
    )
    rows = _row(2 * (len(bids) + len(asks))).pack(*bids, *bid_quantities, *asks, *ask_quantities)
    return b"".join((head, rows, text))


def unpack(
    symbol: str,
    record: bytes,
    now: float,
    *,
    levels: int | None = None,
    state: BookState | None = None,
    number: type[NumberT] | None = None,
) -> BookView[NumberT]:
    """Return a record as a view; O(levels).

    Args:
        symbol: symbol, in upper case.
        record: a record, as `pack` returns it.
        now: time of the view, in seconds since the epoch.
        levels: number of the best levels a side to read; `None` for all.
        state: state of the view, if it is not the record's.
        number: type of the view's prices and quantities, if it is not the record's; the conversion is exact.

    Raises:
        SharingError: not a record of this layout.
    """
    code, _, price_decimals, decimals, bids, asks, words, update_id, event_time, recv_time = _head_of(record)
    exact = orjson.loads(record[-words:]).get("exact") if words else None
    begin_asks = _HEAD.size + 16 * bids
    bid_levels = _levels(record, _HEAD.size, bids, levels, exact and exact[0])
    ask_levels = _levels(record, begin_asks, asks, levels, exact and exact[1])
    kind: type[Any] = number_of(record) if number is None else number
    return BookView(
        symbol,
        _STATES[code] if state is None else state,
        last_update_id=update_id,
        event_time=event_time,
        recv_time=recv_time,
        age=now - recv_time if update_id and now > recv_time else 0.0,
        bids=bid_levels,
        asks=ask_levels,
        number=kind,
        decimals=(price_decimals, decimals),
        converted=kind is float and exact is None,
    )


def number_of(record: bytes) -> type[Number]:
    """Return the type of a view's prices and quantities."""
    return Decimal if record[1] else float


def shown_state(record: bytes) -> BookState:
    """Return the state in a record; `SYNCING` for one of another layout, which `unpack` refuses."""
    return _STATES[record[0]] if record[0] < len(_STATES) else BookState.SYNCING


def update_of(record: bytes) -> tuple[int, int]:
    """Return the update id in a record and its event time in milliseconds since the epoch; zeros without a book."""
    *_, update_id, event_time, _ = _head_of(record)
    return update_id, event_time


def restated(record: bytes, state: BookState, why: str | None) -> bytes:
    """Return a record of the same levels with another state and reason."""
    head = _head_of(record)
    length = head[6]
    words = orjson.loads(record[-length:]) if length else {}
    words.pop("why", None)
    if why is not None:
        words["why"] = why[:_WHY]
    text = orjson.dumps(words) if words else b""
    begin = _HEAD.pack(_STATE_CODES[state], *head[1:6], len(text), *head[7:])
    return b"".join((begin, record[_HEAD.size : len(record) - length], text))


def as_stale(record: bytes) -> bytes:
    """Return the same record, labelled stale if it was live."""
    return bytes([_STATE_CODES[BookState.STALE]]) + record[1:] if record[0] == _STATE_CODES[BookState.LIVE] else record


def reason(record: bytes) -> str | None:
    """Return why the book is not live, `None` if that is not known."""
    words = _head_of(record)[6]
    why: str | None = orjson.loads(record[-words:]).get("why") if words else None
    return why


def _head_of(record: bytes) -> tuple[Any, ...]:
    """Return the head of a record, after a check that its length fits."""
    if len(record) >= _HEAD.size:
        head = _HEAD.unpack_from(record)
        size = _HEAD.size + 16 * (head[4] + head[5]) + head[6]
        if len(record) == size and head[0] < len(_STATES):
            return head
    msg = f"expected a record of the layout {LAYOUT} of depthactors {VERSION}, was another of {len(record)} bytes"
    raise SharingError(msg)


def _rows(side: BookSide, depth: int) -> tuple[list[float], list[Any]]:
    """Return the best prices of a side and their quantities."""
    keys = side.best_keys(depth)
    quantities = [*map(side.quantities.__getitem__, keys)]
    return keys if side.sign > 0 else [-key for key in keys], quantities


def _spelt(quantities: list[Any]) -> dict[str, str]:
    """Return the quantities that are no exact doubles, as text, by their place."""
    try:
        # A float and a `Decimal` cannot be added; a look at the type of each would take ten times as long.
        if type(sum(quantities)) is not Decimal:
            return {}
    except TypeError:
        pass
    return {str(place): str(each) for place, each in enumerate(quantities) if type(each) is Decimal}


def _levels(
    record: bytes, begin: int, count: int, wanted: int | None, spelt: dict[str, str] | None
) -> tuple[Level[Number], ...]:
    """Read the best levels of one side, `None` for all of them."""
    shown = count if wanted is None or wanted > count else wanted
    row = _row(shown)
    prices = row.unpack_from(record, begin)
    quantities: Sequence[Any] = row.unpack_from(record, begin + 8 * count)
    if spelt:
        quantities = [Decimal(spelt.get(str(place), 0)) or number for place, number in enumerate(quantities)]
    return tuple(zip(prices, quantities, strict=True))


@lru_cache(1 << 12)
def _row(count: int) -> Struct:
    return Struct(f"={count}d")
