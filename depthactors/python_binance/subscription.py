"""One stream of a manager: from python-binance's arguments to a subscription."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING, Any, Final

from depthactors import reporting
from depthactors.book.part import OwnPart
from depthactors.engine import inside
from depthactors.engine.callbacks import check_callback
from depthactors.errors import CallbackError, UsageError
from depthactors.python_binance.depth_cache import DepthCache
from depthactors.python_binance.newest import Newest

if TYPE_CHECKING:
    from collections.abc import Callable

    from depthactors.book import BookView, OrderBook
    from depthactors.dispatcher.clock import Clock
    from depthactors.engine.depth_engine import DepthEngine
    from depthactors.engine.handle import BookHandle
    from depthactors.markets import Market

logger = reporting.logger(__name__)

DEFAULT_REFRESH: Final = 1800
"""Seconds between refreshes by default: the half hour of python-binance's guide."""
_UNLIMITED: Final = 100
"""Levels a side for `limit=None`: the number that the exchange sends then."""


def follow(
    engine: DepthEngine,
    market: Market,
    symbol: str,
    *,
    refresh_interval: float | None,
    limit: int | str | None,
    conv_type: Callable[[str], Any],
    ws_interval: int | None,
) -> BookHandle:
    """Follow a book that nothing listens to yet.

    Args:
        engine: an engine that is running.
        market: the row of the market.
        symbol: the symbol, in upper or lower case.
        refresh_interval: seconds between fresh snapshots; `0` or `None` for none.
        limit: how many of the best levels a side are always right, as a number, its text, or `None` for 100; cut to
            what the market can vouch for.
        conv_type: type of prices and quantities.
        ws_interval: `0` or `None` for updates each second, `100` for each 100 ms.

    Raises:
        UsageError: an argument is wrong.
        LifecycleError: the engine is not running.
    """
    if conv_type is None:
        msg = "expected a callable as conv_type, was None"
        raise CallbackError(msg)
    check_callback("conv_type", conv_type)
    depth = _depth(market, symbol, limit)

    return inside.follow(
        engine,
        [symbol],
        depth=depth,
        market=market,
        speed_ms=_speed(market, ws_interval),
        refresh_interval=refresh_interval or None,
    )[0]


def capture_for(
    market: Market, depth: int, conv_type: Callable[[str], Any], clock: Clock
) -> Callable[[OrderBook | BookView[Any]], DepthCache]:
    """Return the function that makes the depth caches of one stream. Thread: the book's."""
    part, newest = own_part(market, depth), Newest(clock)

    def capture(book: OrderBook | BookView[Any]) -> DepthCache:
        copy = part.copy(book)
        newest.update_id = copy.last_update_id
        return DepthCache.of(copy, conv_type, newest)

    return capture


def own_part(market: Market, depth: int) -> OwnPart:
    """Return the part of a book that belongs to a stream of this depth; other streams may follow the book deeper."""
    limit = market.snapshot_limit(depth)
    deepest = bisect_right(range(1, market.max_depth + 1), limit, key=market.snapshot_limit)
    return OwnPart(depth, limit, deepest)


def _depth(market: Market, symbol: str, limit: int | str | None) -> int:
    if limit is None:
        return _UNLIMITED
    depth = int(limit) if isinstance(limit, str) and limit.isdecimal() and limit.isascii() else limit
    if type(depth) is not int or depth < 1:
        msg = f"expected a limit of at least 1, was {limit!r}"
        raise UsageError(msg)
    if depth <= market.max_depth:
        return depth
    logger.warning(
        "! %s: limit %d is more than %s can vouch for, so it is %d", symbol, depth, market.name, market.max_depth
    )
    return market.max_depth


def _speed(market: Market, ws_interval: int | None) -> int:
    """Choose the stream: each 100 ms, or the market's slowest usual one."""
    if ws_interval not in (None, 0, 100):
        msg = f"expected a ws_interval of 0, None or 100, was {ws_interval!r}"
        raise UsageError(msg)
    if ws_interval == 100:
        return 100
    bare = [speed for speed, suffix in market.speeds if suffix == "@depth"]
    return bare[0] if bare else market.speeds[-1][0]
