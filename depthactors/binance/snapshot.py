"""The snapshot in a REST depth reply, checked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from depthactors.binance.envelope import SHORT
from depthactors.binance.levels import decimals_of, parse_levels
from depthactors.errors import MalformedFrameError

if TYPE_CHECKING:
    from depthactors.binance.levels import Levels


class Snapshot(NamedTuple):
    """One REST depth reply.

    Attributes:
        last_update_id: the id of the book that it shows.
        event_time: `E` where the market sends it, else 0.
        limit: the number of levels a side that were requested; a side with fewer is whole, or was cut.
        decimals: the digits behind the point in the first level's price and quantity, for spelling both as the
            exchange does; zero in an empty book.
        bids: the levels of the bid side.
        asks: the levels of the ask side.
    """

    last_update_id: int
    event_time: int
    limit: int
    decimals: tuple[int, int]
    bids: Levels
    asks: Levels


def parse_snapshot(reply: dict[str, Any], limit: int, symbol: str | None = None) -> Snapshot:
    """Check all of a REST depth reply, and return its snapshot; O(levels).

    An empty side is legal, and so are two: a strike without quotes, a listing that is not open yet.

    Args:
        reply: the decoded JSON.
        limit: the number of levels a side that were requested.
        symbol: the symbol that was requested, compared where the market names it in the reply (COIN-M).

    Raises:
        MalformedFrameError: a key is missing or has a wrong type, or a side has more levels than were requested.
    """
    try:
        last_update_id, bids, asks = reply["lastUpdateId"], reply["bids"], reply["asks"]
    except KeyError as error:
        msg = f"expected the key {error} in a depth snapshot"
        raise MalformedFrameError(msg, SHORT.repr(reply)) from None
    event_time = reply.get("E", 0)
    if type(last_update_id) is not int or type(event_time) is not int:
        msg = "expected a whole number in 'lastUpdateId' and 'E'"
        raise MalformedFrameError(msg, SHORT.repr(reply))
    if symbol is not None and reply.get("symbol", symbol) != symbol:
        msg = f"expected a snapshot of {symbol}, was one of {SHORT.repr(reply['symbol'])}"
        raise MalformedFrameError(msg, SHORT.repr(reply))
    bid_levels, ask_levels = parse_levels(bids), parse_levels(asks)
    if max(len(bids), len(asks)) > limit:
        msg = f"expected at most {limit} levels a side in a snapshot, was {len(bids)} and {len(asks)}"
        raise MalformedFrameError(msg)
    price, quantity = (bids or asks)[0][:2] if bids or asks else ("", "")
    return Snapshot(
        last_update_id, event_time, limit, (decimals_of(price), decimals_of(quantity)), bid_levels, ask_levels
    )
