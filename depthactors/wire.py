"""From the exchange's JSON to values, and from requests to JSON.

Everything that comes from outside is checked here, whole, before any book sees it: a frame either
becomes a `Diff` that can be applied without a fault, or a `MalformedFrameError`. Unknown keys are
ignored (the exchange adds some every year). Nothing here knows a socket or a book.

A level is kept as `(key, quantity)`: the key is the price, negated on the bid side, so that on both
sides the best level has the smallest key; the quantity is the exchange's own text, or `None` where
the level is gone. A price is exact as a float up to 15 significant digits, which is checked.
"""

from __future__ import annotations

from decimal import Decimal
from enum import Enum
from math import inf
from reprlib import Repr
from typing import Any, Final, NamedTuple, TypeAlias

import orjson

from depthactors.errors import MalformedFrameError
from depthactors.markets import Sequencing

Key: TypeAlias = float
"""A price, negated on the bid side: ascending keys are best first on both sides."""

LevelChange: TypeAlias = tuple[Key, str | None]
"""A level's new quantity as the exchange spelt it, `None` for a level that is gone."""

BID: Final = -1.0
ASK: Final = 1.0
_EXACT_DIGITS: Final = 15
"""Significant decimal digits that a float carries without loss (IEEE 754 binary64)..."""
_LEAST_EXACT: Final = 1e-300
"""... from about here on; nearer to zero it has fewer."""
_LONGEST_NUMBER: Final = 32
"""Characters of a price or a quantity: the exchange's longest have about twenty."""
_SHORT: Final = Repr()
"""Shows what a peer sent in an error: whatever it is, of bounded length and depth."""
_SHORT.maxlevel, _SHORT.maxdict, _SHORT.maxstring, _SHORT.maxother = 4, 20, 60, 60


class Diff(NamedTuple):
    """One depth event.

    Attributes:
        first_id: `U`.
        last_id: `u`, the id of the book after this event.
        previous_id: the id it follows: `pu`, or `U - 1` where ids have no holes.
        event_time: `E`, milliseconds since the epoch on the exchange's clock.
        bids: changes of the bid side, absolute quantities.
        asks: changes of the ask side.
    """

    first_id: int
    last_id: int
    previous_id: int
    event_time: int
    bids: list[LevelChange]
    asks: list[LevelChange]


class Snapshot(NamedTuple):
    """One REST depth reply.

    Attributes:
        last_update_id: the id of the book it shows.
        event_time: `E` where the market sends one, else 0.
        limit: how many levels a side were asked for: a side with fewer is whole.
        decimals: digits behind the point in the first price, for spelling prices as the exchange does.
        bids: levels of the bid side.
        asks: levels of the ask side.
    """

    last_update_id: int
    event_time: int
    limit: int
    decimals: int
    bids: list[LevelChange]
    asks: list[LevelChange]


class Reply(NamedTuple):
    """The answer to a control message: `error` is `None` when it was accepted."""

    request_id: int | str | None
    result: Any
    error: str | None


class Notice(Enum):
    """A frame that concerns the connection, not a book."""

    SERVER_SHUTDOWN = "serverShutdown"


def decode(frame: bytes) -> dict[str, Any]:
    """Decode one frame to its JSON object.

    Raises:
        MalformedFrameError: not JSON, or not an object.
    """
    try:
        data = orjson.loads(frame)
    except orjson.JSONDecodeError as error:
        msg = f"expected JSON, was not ({error})"
        raise MalformedFrameError(msg, frame) from None
    if type(data) is not dict:
        msg = f"expected a JSON object, was {type(data).__name__}"
        raise MalformedFrameError(msg, frame)
    return data


def payload_of(envelope: dict[str, Any]) -> dict[str, Any]:
    """Take the event out of its combined-stream envelope; a raw event is returned as it is."""
    data = envelope.get("data", envelope)
    if type(data) is not dict:
        msg = f"expected an object under 'data', was {type(data).__name__}"
        raise MalformedFrameError(msg)
    return data


def parse_diff(event: dict[str, Any], sequencing: Sequencing, symbol: str) -> Diff:
    """Check a depth event whole and return it as a `Diff`; O(levels).

    Raises:
        MalformedFrameError: another event, another symbol, an id that is no integer or runs
            backwards within the event, or a level that is no pair of sound numbers as text.
    """
    try:
        kind, owner = event["e"], event["s"]
        first, last, event_time = event["U"], event["u"], event["E"]
        previous = event["pu"] if sequencing is Sequencing.CHAINED else first - 1
        if not (type(first) is type(last) is type(previous) is type(event_time) is int):
            msg = "expected whole numbers in 'U', 'u', 'pu' and 'E'"
            raise MalformedFrameError(msg, _SHORT.repr(event))
        bids, asks = event["b"], event["a"]
    except KeyError as error:
        msg = f"expected the key {error} in a depth event"
        raise MalformedFrameError(msg, _SHORT.repr(event)) from None
    except TypeError:
        msg = "expected a whole number in 'U'"
        raise MalformedFrameError(msg, _SHORT.repr(event)) from None
    if kind != "depthUpdate" or owner != symbol:
        msg = f"expected a depthUpdate of {symbol}, was {_SHORT.repr(kind)} of {_SHORT.repr(owner)}"
        raise MalformedFrameError(msg, _SHORT.repr(event))
    if not 0 <= first <= last >= previous:
        msg = f"expected pu <= u and U <= u, was U={first}, u={last}, pu={previous}"
        raise MalformedFrameError(msg, _SHORT.repr(event))
    return Diff(first, last, previous, event_time, parse_levels(bids, BID), parse_levels(asks, ASK))


def parse_levels(levels: Any, side: float) -> list[LevelChange]:
    """Check the levels of one side and return them as changes, in the exchange's order; O(levels).

    One plain loop: the fastest of the shapes tried, and the only per-level work beside the book's.

    Raises:
        MalformedFrameError: names the first level that is no `[price, quantity]` of text, or whose
            price is not above zero, or whose quantity is negative, or either not finite.
    """
    if type(levels) is not list or not set(map(type, levels)) <= {list}:
        msg = f"expected a list of levels, was {_SHORT.repr(levels)}"
        raise MalformedFrameError(msg)
    changes: list[LevelChange] = []
    add = changes.append
    level: Any = None
    try:
        for level in levels:
            price_text, quantity_text = level
            price = float(price_text)
            quantity = float(quantity_text)
            if (
                not (price > _LEAST_EXACT and quantity >= 0.0 and price + quantity < inf)
                or len(price_text) > _EXACT_DIGITS
                or len(quantity_text) > _LONGEST_NUMBER
            ):
                price, quantity = _checked(price_text, quantity_text)
            add((price * side, quantity_text if quantity else None))
    except MalformedFrameError:
        raise
    except (TypeError, ValueError) as error:
        if len(level) > 2:
            # Captures of 2017 have a third, empty element.
            return parse_levels([each[:2] for each in levels], side)
        msg = f"expected levels as [price, quantity] texts, was {_SHORT.repr(level)} ({error})"
        raise MalformedFrameError(msg) from None
    return changes


def _checked(price_text: Any, quantity_text: Any) -> tuple[float, float]:
    """Decide about a level that the quick test in `parse_levels` did not pass."""
    if type(price_text) is not str or type(quantity_text) is not str:
        msg = f"expected price and quantity as texts, was {_SHORT.repr([price_text, quantity_text])}"
        raise MalformedFrameError(msg)
    if max(len(price_text), len(quantity_text)) > _LONGEST_NUMBER:
        shown = _SHORT.repr([price_text, quantity_text])
        msg = f"expected numbers of at most {_LONGEST_NUMBER} characters, was {shown}"
        raise MalformedFrameError(msg)
    price, quantity = float(price_text), float(quantity_text)
    if not (0.0 < price < inf and 0.0 <= quantity < inf):
        msg = f"expected a price above zero and a quantity not below it, was {[price_text, quantity_text]!r}"
        raise MalformedFrameError(msg)
    if Decimal(repr(price)) != Decimal(price_text) or _significant_digits(price_text) > _EXACT_DIGITS:
        msg = f"expected a price of at most {_EXACT_DIGITS} significant digits, was {price_text!r}"
        raise MalformedFrameError(msg)
    return price, quantity


def _significant_digits(text: str) -> int:
    return len(Decimal(text).normalize().as_tuple().digits)


def parse_snapshot(reply: dict[str, Any], limit: int, symbol: str | None = None) -> Snapshot:
    """Check a REST depth reply whole.

    An empty side is legal (a new or an illiquid listing has one); a snapshot with neither is not.

    Args:
        reply: the decoded JSON.
        limit: how many levels a side were asked for.
        symbol: what was asked for, compared where the market names it in the reply (COIN-M).

    Raises:
        MalformedFrameError: a key is missing, of a wrong type, both sides are empty, or one has more levels
            than were asked for.
    """
    try:
        last_update_id, bids, asks = reply["lastUpdateId"], reply["bids"], reply["asks"]
    except KeyError as error:
        msg = f"expected the key {error} in a depth snapshot"
        raise MalformedFrameError(msg, _SHORT.repr(reply)) from None
    event_time = reply.get("E", 0)
    if type(last_update_id) is not int or type(event_time) is not int:
        msg = "expected a whole number in 'lastUpdateId' and 'E'"
        raise MalformedFrameError(msg, _SHORT.repr(reply))
    if symbol is not None and reply.get("symbol", symbol) != symbol:
        msg = f"expected a snapshot of {symbol}, was one of {_SHORT.repr(reply['symbol'])}"
        raise MalformedFrameError(msg, _SHORT.repr(reply))
    bid_levels, ask_levels = parse_levels(bids, BID), parse_levels(asks, ASK)
    if not bid_levels and not ask_levels:
        msg = f"expected levels in the snapshot with lastUpdateId {last_update_id}, was empty"
        raise MalformedFrameError(msg)
    if max(len(bid_levels), len(ask_levels)) > limit:
        msg = f"expected at most {limit} levels a side in a snapshot, was {len(bid_levels)} and {len(ask_levels)}"
        raise MalformedFrameError(msg)
    decimals = len((bids or asks)[0][0].partition(".")[2])
    return Snapshot(last_update_id, event_time, limit, decimals, bid_levels, ask_levels)


def parse_notice(frame: dict[str, Any]) -> Reply | Notice | None:
    """Tell a frame that belongs to no stream: a reply, a notice, or neither (`None`)."""
    if frame.get("e") == Notice.SERVER_SHUTDOWN.value or frame.get("stream") == "!serverShutdown":
        return Notice.SERVER_SHUTDOWN
    error = frame.get("error")
    if error is not None:
        told = error if isinstance(error, dict) else {"msg": error}
        return Reply(frame.get("id"), None, _error_words(told))
    if "result" in frame:
        return Reply(frame.get("id"), frame["result"], None)
    if "code" in frame and "msg" in frame:
        return Reply(frame.get("id"), None, _error_words(frame))
    return None


def _error_words(told: dict[str, Any]) -> str:
    code, message = told.get("code"), told.get("msg")
    words = message[:200] if isinstance(message, str) else _SHORT.repr(message)
    return f"{code}: {words}" if isinstance(code, int) else words


def subscribe(streams: list[str], request_id: int) -> bytes:
    """Encode a SUBSCRIBE request."""
    return orjson.dumps({"method": "SUBSCRIBE", "params": streams, "id": request_id})


def unsubscribe(streams: list[str], request_id: int) -> bytes:
    """Encode an UNSUBSCRIBE request."""
    return orjson.dumps({"method": "UNSUBSCRIBE", "params": streams, "id": request_id})
