"""The messages of a stream: from a delta to JSON, and back.

A snapshot has all levels of the stream and a number. A delta has the levels that changed, and the number of the message
that it follows. A reader that got number `after` may apply it; any other reader has missed something.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import orjson

from depthactors.binance import parse_levels
from depthactors.book import BookState
from depthactors.book.delta import BookDelta
from depthactors.book.numerals import spelt
from depthactors.errors import MalformedFrameError
from depthactors.serve.stream_name import Numbers

if TYPE_CHECKING:
    from collections.abc import Iterable

    from depthactors.book import Side
    from depthactors.book.numerals import Level, Number
    from depthactors.serve.stream_name import StreamName

_TYPES: Final[dict[str, type | tuple[type, ...]]] = {
    "stream": str,
    "n": int,
    "state": str,
    "last_update_id": int,
    "event_time": int,
    "recv_time": (int, float),
    "age": (int, float),
    "decimals": list,
    "bids": list,
    "asks": list,
}
"""What each message of a stream has."""
_DELTA_TYPES: Final[dict[str, type | tuple[type, ...]]] = {"after": int, "previous_update_id": int, "conflated": bool}
"""What a delta has besides."""
_STATES: Final = frozenset(BookState)


class Numbered(NamedTuple):
    """A delta at its place in a stream.

    Attributes:
        number: its number in the stream.
        after: the number of the message to which it applies; `None` for a snapshot.
        delta: what changed.
        reason: why the book is not live; `None` if it is, or that is not known.
    """

    number: int
    after: int | None
    delta: BookDelta[Any]
    reason: str | None


def encode(stream: StreamName, numbered: Numbered) -> bytes:
    """Return the message as JSON; O(levels in it)."""
    number, after, delta, reason = numbered
    message: dict[str, Any] = {"type": "snapshot", "stream": str(stream), "n": number}
    if after is not None:
        message |= {
            "type": "delta",
            "after": after,
            "previous_update_id": delta.previous_update_id,
            "conflated": delta.conflated,
        }
    message |= {
        "state": delta.state,
        "reason": reason,
        "last_update_id": delta.last_update_id,
        "event_time": delta.event_time,
        "recv_time": delta.recv_time,
        "age": delta.age,
        "decimals": delta.decimals,
        "bids": _written(delta, "bid", stream.numbers),
        "asks": _written(delta, "ask", stream.numbers),
    }
    return orjson.dumps(message)


def decode(symbol: str, message: dict[str, Any], number: type[Any] = float) -> Numbered:
    """Return what a message of a book's stream says, with numbers as a book keeps them; O(levels in it).

    Args:
        symbol: the book's symbol.
        message: decoded JSON, a snapshot or a delta of a stream whose numbers are texts.
        number: the number type of views that are made of it.

    Raises:
        MalformedFrameError: the message is not what the protocol says; it names what is wrong.
    """
    is_delta = message.get("type") == "delta"
    for name, kind in (_TYPES | _DELTA_TYPES if is_delta else _TYPES).items():
        value = message.get(name)
        # JSON's true and false are integers in Python.
        if not isinstance(value, kind) or (kind is not bool and isinstance(value, bool)):
            msg = f"expected {name} in a message of a stream, was {value!r}"
            raise MalformedFrameError(msg)
    decimals = message["decimals"]
    if len(decimals) != 2 or not all(type(each) is int and each >= 0 for each in decimals):
        msg = f"expected decimals of prices and quantities, was {decimals!r}"
        raise MalformedFrameError(msg)
    if message["state"] not in _STATES:
        msg = f"expected the state of a book, was {message['state']!r}"
        raise MalformedFrameError(msg)
    delta = BookDelta(
        symbol=symbol,
        state=BookState(message["state"]),
        previous_update_id=message["previous_update_id"] if is_delta else None,
        last_update_id=message["last_update_id"],
        event_time=message["event_time"],
        recv_time=message["recv_time"],
        age=message["age"],
        decimals=(decimals[0], decimals[1]),
        number=number,
        exact_bids=_read(message["bids"]),
        exact_asks=_read(message["asks"]),
        conflated=is_delta and message["conflated"],
    )
    return Numbered(message["n"], message["after"] if is_delta else None, delta, message.get("reason"))


def _written(delta: BookDelta[Any], side: Side, numbers: Numbers) -> list[tuple[Any, Any]]:
    levels: Iterable[Level[Number]] = delta.exact(side)
    if numbers is Numbers.FLOAT:
        return [(float(price), float(quantity)) for price, quantity in levels]
    for_price, for_quantity = delta.decimals
    return [(spelt(price, for_price), spelt(quantity, for_quantity)) for price, quantity in levels]


def _read(levels: list[Any]) -> tuple[Level[Number], ...]:
    flat = iter(parse_levels(levels))
    return tuple(zip(flat, flat, strict=True))
