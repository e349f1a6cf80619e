"""What a client of `/stream` may say: subscribe and unsubscribe, a message each."""

from __future__ import annotations

from enum import StrEnum
from reprlib import Repr
from typing import Any, Final, Literal, NamedTuple

import orjson

from depthactors.errors import UsageError
from depthactors.serve.stream_name import MOST_LEVELS, Numbers

_SHORT: Final = Repr()
_SHORT.maxstring = _SHORT.maxother = 100
_NAMES: Final = frozenset({"op", "id", "market", "symbol", "speed_ms", "levels", "numbers"})


class Code(StrEnum):
    """Why an order is refused, for programs."""

    NOT_JSON = "not_json"
    NOT_AN_OBJECT = "not_an_object"
    BAD_VALUE = "bad_value"
    UNKNOWN_NAME = "unknown_name"
    UNKNOWN_BOOK = "unknown_book"
    """The server's engine does not follow it."""
    SEVERAL_BOOKS = "several_books"
    """The market or the update interval is missing."""
    TOO_MANY_LEVELS = "too_many_levels"
    TOO_MANY_STREAMS = "too_many_streams"
    """Of one book: other clients read it with as many other numbers of levels as the server makes."""
    TOO_MANY_SUBSCRIPTIONS = "too_many_subscriptions"
    """Of one connection."""
    NOT_SUBSCRIBED = "not_subscribed"
    ENGINE_STOPPED = "engine_stopped"


class OrderError(UsageError):
    """A message of a client that is refused.

    Attributes:
        code: why, for programs.
        id: the message's own id, if it has one.
    """

    def __init__(self, code: Code, words: str, id: int | str | None = None) -> None:  # noqa: A002 - as in the message
        """Keep them."""
        super().__init__(words)
        self.code = code
        self.id = id


class Order(NamedTuple):
    """A message of a client.

    Attributes:
        op: what to do.
        id: the client's own id of the message, which is in the answer.
        market: name of the market; `None` if the symbol alone is enough.
        symbol: upper case.
        speed_ms: update interval; `None` if the symbol alone is enough.
        levels: number of levels a side; `None` for all that the book has.
        numbers: how they are written.
    """

    op: Literal["subscribe", "unsubscribe"]
    id: int | str | None
    market: str | None
    symbol: str
    speed_ms: int | None
    levels: int | None
    numbers: Numbers


def parse_order(text: str | bytes) -> Order:
    """Return what a client says.

    Raises:
        OrderError: it is no order; the message says what was expected and what came.
    """
    try:
        message = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise OrderError(Code.NOT_JSON, f"expected JSON, was {_SHORT.repr(text)}: {error}") from None
    if not isinstance(message, dict):
        raise OrderError(Code.NOT_AN_OBJECT, f"expected an object with op and symbol, was {_SHORT.repr(message)}")
    id_ = message.get("id")
    if not (id_ is None or type(id_) is int or (type(id_) is str and len(id_) <= 100)):
        raise OrderError(Code.BAD_VALUE, f"expected id as a number or a text of 100 characters, was {_SHORT.repr(id_)}")

    def check(name: str, what: str, *, fits: bool) -> None:
        if not fits:
            words = f"expected {name} as {what}, was {_SHORT.repr(message.get(name))}"
            raise OrderError(Code.BAD_VALUE, words, id_)

    op: Any = message.get("op")
    symbol: Any = message.get("symbol")
    market, speed_ms, levels = (message.get(name) for name in ("market", "speed_ms", "levels"))
    numbers = message.get("numbers", Numbers.TEXT)
    check("op", "subscribe or unsubscribe", fits=op in ("subscribe", "unsubscribe"))
    check("symbol", "a text", fits=type(symbol) is str and 0 < len(symbol) <= 100)
    check("market", "a text or null", fits=market is None or type(market) is str)
    check("speed_ms", "a number or null", fits=speed_ms is None or type(speed_ms) is int)
    has_room = levels is None or (type(levels) is int and 1 <= levels <= MOST_LEVELS)
    check("levels", f"a number from 1 to {MOST_LEVELS} or null", fits=has_room)
    check("numbers", " or ".join(Numbers), fits=numbers in tuple(Numbers))
    if unknown := message.keys() - _NAMES:
        words = f"expected only {', '.join(sorted(_NAMES))}, was {_SHORT.repr(min(unknown))}"
        raise OrderError(Code.UNKNOWN_NAME, words, id_)
    return Order(op, id_, market, symbol.upper(), speed_ms, levels, Numbers(numbers))
