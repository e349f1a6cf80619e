"""REST: from a path to the answer that the exchange gives. No socket here."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import orjson

from depthactors.exchange import routes
from depthactors.exchange.weights import WeightCounter

if TYPE_CHECKING:
    from collections.abc import Callable

    from depthactors.exchange.ledger import Depth
    from depthactors.exchange.routes import Catalogue, RestRoute
    from depthactors.markets import Market

DEFAULT_LIMITS: Final = {"/api/v3/depth": 100, "/fapi/v1/depth": 500, "/dapi/v1/depth": 500, "/eapi/v1/depth": 100}
"""Levels a side when `limit` is not given."""

LIGHT_WEIGHT: Final = 1
"""Of ping, of time, and of a request that was refused for its parameters."""

_LIMIT: Final = re.compile(r"[0-9]{1,20}")


class Answer(NamedTuple):
    """One HTTP reply.

    Attributes:
        status: HTTP status.
        body: JSON.
        headers: beside those that every reply has.
    """

    status: int
    body: bytes
    headers: tuple[tuple[str, str], ...]


class _BadRequestError(Exception):
    """A request that is answered with 400 and the exchange's own code."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.body = orjson.dumps({"code": code, "msg": text})


class RestApi:
    """The REST side of one exchange; any thread."""

    def __init__(self, catalogue: Catalogue, clock: Callable[[], float] = time.time) -> None:
        """Count weight from zero.

        Args:
            catalogue: the feeds.
            clock: seconds since the epoch, for `/time` and for the minutes of the weight.
        """
        self._catalogue = catalogue
        self._clock = clock
        self._weights = WeightCounter()

    def answer(self, path: str) -> Answer | None:
        """Answer a GET; `None` when the path is none of REST's."""
        route = routes.rest_route(path)
        if route is None:
            return None
        market = self._market_of(route)
        try:
            limit = _limit_of(route, market) if route.endpoint == "depth" else None
            weight = LIGHT_WEIGHT if limit is None else market.snapshot_weight(limit)
            status, body = 200, self._body(route, market, limit)
        except _BadRequestError as error:
            status, body, weight = 400, error.body, LIGHT_WEIGHT
        used = self._weights.charge(market.weight_pool, weight, self._clock())
        return Answer(status, body, (("X-MBX-USED-WEIGHT-1M", str(used)),))

    def _market_of(self, route: RestRoute) -> Market:
        feed = self._catalogue.rest(route.depth_path, route.query.get("symbol", ""))
        if feed is None:
            feed = next((each for each in self._catalogue.feeds if each.market.depth_path == route.depth_path), None)
        return routes.family_of(route.depth_path) if feed is None else feed.market

    def _body(self, route: RestRoute, market: Market, limit: int | None) -> bytes:
        if limit is None:
            return orjson.dumps({"serverTime": int(self._clock() * 1000)} if route.endpoint == "time" else {})
        symbol = route.query.get("symbol")
        if not symbol:
            cause = "Mandatory parameter 'symbol' was not sent, was empty/null, or malformed."
            raise _BadRequestError(-1102, cause)
        feed = self._catalogue.rest(route.depth_path, symbol)
        if feed is None:
            raise _BadRequestError(-1121, "Invalid symbol.")
        return orjson.dumps(shaped(feed.depth(limit), market, symbol))


def shaped(depth: Depth, market: Market, symbol: str) -> dict[str, Any]:
    """Give a depth reply the keys that the market's replies have, in their order."""
    sides = {"bids": depth.bids, "asks": depth.asks}
    head: dict[str, Any] = {"lastUpdateId": depth.last_update_id}
    times = {"E": depth.event_time, "T": depth.transaction_time}
    match market.depth_path:
        case "/fapi/v1/depth":
            return head | times | sides
        case "/dapi/v1/depth":
            return head | times | {"symbol": symbol, "pair": symbol.partition("_")[0]} | sides
        case "/eapi/v1/depth":
            return sides | {"T": depth.transaction_time} | head
        case _:
            return head | sides


def _limit_of(route: RestRoute, market: Market) -> int:
    text = route.query.get("limit")
    if text is None:
        return DEFAULT_LIMITS[route.depth_path]
    if not _LIMIT.fullmatch(text):
        cause = "Illegal characters found in parameter 'limit'; legal range is '^[0-9]{1,20}$'."
        raise _BadRequestError(-1100, cause)
    limit = int(text)
    if market.any_limit and limit > 0:
        return min(limit, market.max_limit)
    if limit in market.limits:
        return limit
    if market.any_limit:
        raise _BadRequestError(-1130, "Data sent for parameter 'limit' is not valid.")
    raise _BadRequestError(-4021, f"{limit} is not valid depth limit")
