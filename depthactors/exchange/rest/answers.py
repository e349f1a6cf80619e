"""REST: from a path to the answer that the exchange gives. No socket here."""

from __future__ import annotations

import re
import time
from dataclasses import replace
from email.utils import formatdate
from math import ceil
from random import Random
from typing import TYPE_CHECKING, Final, NamedTuple

import orjson

from depthactors import reporting
from depthactors.errors import DepthActorsError
from depthactors.exchange import routes, shapes
from depthactors.exchange.fault import Place
from depthactors.exchange.limits import Limits
from depthactors.exchange.rest.exchange_info import exchange_info
from depthactors.exchange.rest.weights import BANNED, TOO_MANY_REQUESTS, Charge, WeightCounter
from depthactors.exchange.server.http import JSON

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from depthactors.exchange.fault import Fault
    from depthactors.exchange.fault_plan import FaultPlan
    from depthactors.exchange.feeds.feed import Feed
    from depthactors.exchange.feeds.ledger import Depth
    from depthactors.exchange.routes import Catalogue, RestRoute
    from depthactors.markets import Market

logger = reporting.logger(__name__)

DEFAULT_LIMITS: Final = {"/api/v3/depth": 100, "/fapi/v1/depth": 500, "/dapi/v1/depth": 500, "/eapi/v1/depth": 100}
"""Levels a side when `limit` is not given."""

LIGHT_WEIGHT: Final = 1
"""Of ping, of time, of a request that was refused for its parameters, and of a futures depth without `limit`."""

SPOT_INFO_WEIGHT: Final = 20

FIREWALL_PAGE: Final = b"<html><head><title>403 Forbidden</title></head><body><h1>403 Forbidden</h1></body></html>"
_LIMITING: Final = frozenset({"429", "418", "429-date", "418-body"})

_LIMIT: Final = re.compile(r"[0-9]{1,20}")


class Answer(NamedTuple):
    """One HTTP reply.

    Attributes:
        status: HTTP status.
        body: JSON.
        headers: beside those that every reply has.
        pause: seconds to wait before it is sent.
        cut: bytes of the body after which the connection ends, with 0 before the head; `None` for the whole.
        media: type of the body.
    """

    status: int
    body: bytes
    headers: tuple[tuple[str, str], ...] = ()
    pause: float = 0.0
    cut: int | None = None
    media: str = JSON


class _BadRequestError(Exception):
    """A request that is answered with 400 and the exchange's own code."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.body = _error_body(code, text)


class RestApi:
    """The REST side of one exchange; any thread."""

    def __init__(
        self,
        catalogue: Catalogue,
        faults: FaultPlan,
        limits: Mapping[str, float] | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Count weight from zero.

        Args:
            catalogue: the feeds.
            faults: what befalls depth requests.
            limits: changes of the markets' own limits.
            clock: seconds since the epoch, for `/time` and for the minutes of the weight.
        """
        self._catalogue = catalogue
        self._faults = faults
        self._limits = limits
        self._clock = clock
        self._weights = WeightCounter()
        self._missed: set[Market] = set()
        self._cached: dict[Feed, tuple[float, Depth]] = {}
        self._draws: dict[Fault, Random] = {}

    def answer(self, path: str, headers: Mapping[str, str]) -> Answer:
        """Answer a GET.

        Args:
            path: with its query.
            headers: of the request.
        """
        route = routes.rest_route(path)
        if route is None:
            return Answer(404, b"{}")
        market = self._market_of(route)
        faults = self._faults.strike(Place.REST, route.query.get("symbol")) if _is_depth(route) else []
        limit, refusal = None, None
        try:
            limit = _limit_of(route, market) if _is_depth(route) else None
            weight = _weight_of(route, market, limit)
        except _BadRequestError as error:
            refusal, weight = error, LIGHT_WEIGHT
        charge = self._weights.charge(market.weight_pool, weight, Limits.of(market, self._limits), self._clock())
        used, form = _used_weight(market, charge.used), ""
        for fault in faults:
            if fault.kind in _LIMITING:
                form, charge = fault.kind[4:], Charge(charge.used, int(fault.kind[:3]), ceil(fault.seconds))
        if charge.status != 200:
            return self._refused(market, charge, used, form)
        if refusal is not None:
            return Answer(400, refusal.body, used)
        try:
            answer = Answer(200, self._body(route, market, limit, headers, faults), used)
        except _BadRequestError as error:
            return Answer(400, error.body, used)
        except DepthActorsError as error:
            return Answer(503, _error_body(-1000, str(error)), used)
        return _spoilt(answer, faults)

    def _refused(self, market: Market, charge: Charge, headers: tuple[tuple[str, str], ...], form: str) -> Answer:
        """Answer 429 or 418, in the words of the error page; `form` is how it says for how long, if not as usual."""
        allowed = Limits.of(market, self._limits).weight_per_minute
        until = int((self._clock() + charge.retry_after) * 1_000)
        text = {
            TOO_MANY_REQUESTS: f"Too much request weight used; current limit is {allowed} request weight per 1 MINUTE. "
            "Please use WebSocket Streams for live updates to avoid polling the API.",
            BANNED: f"Way too much request weight used; IP banned until {until}. "
            "Please use WebSocket Streams for live updates to avoid bans.",
        }[charge.status]
        retry = {
            "": _retry(charge.retry_after),
            "date": (("Retry-After", formatdate(self._clock() + charge.retry_after, usegmt=True)),),
            "body": (),
        }[form]
        return Answer(charge.status, _error_body(-1003, text), (*headers, *retry))

    def _market_of(self, route: RestRoute) -> Market:
        feed = self._catalogue.rest(route.depth_path, route.query.get("symbol", "")) if _is_depth(route) else None
        if feed is not None:
            return feed.market
        market = self._catalogue.market_at(route.depth_path)
        if market is not None:
            return market
        absent = routes.family_of(route.depth_path)
        if absent not in self._missed:
            # Else the client's "does not list" would be all that there is to see.
            self._missed.add(absent)
            served = ", ".join(row.name for row in self._catalogue.markets)
            logger.error("! %s was asked for: this exchange serves %s alone", absent.name, served)
        return absent

    def _body(
        self, route: RestRoute, market: Market, limit: int | None, headers: Mapping[str, str], faults: list[Fault]
    ) -> bytes:
        match route.endpoint:
            case "ping":
                return b"{}"
            case "time":
                unit = headers.get("X-MBX-TIME-UNIT", "").upper()
                scale = 1_000_000 if unit == "MICROSECOND" and market.depth_path == shapes.SPOT_PATH else 1_000
                return orjson.dumps({"serverTime": int(self._clock() * scale)})
            case "exchangeInfo":
                return self._info(route, market)
        symbol = route.query.get("symbol")
        if not symbol:
            cause = "Mandatory parameter 'symbol' was not sent, was empty/null, or malformed."
            raise _BadRequestError(-1102, cause)
        feed = self._catalogue.rest(route.depth_path, symbol)
        if feed is None or any(fault.kind == "unlisted" for fault in faults):
            raise _BadRequestError(-1121, "Invalid symbol.")
        if market.any_limit and route.query.get("symbolStatus", "TRADING") != "TRADING":
            raise _BadRequestError(-1220, "The symbol is not in the requested symbolStatus.")
        return shapes.depth_reply(market, symbol, self._granted(feed, limit or 0, faults))

    def _info(self, route: RestRoute, market: Market) -> bytes:
        now_ms = self._now_ms()
        wanted = route.query.get("symbol")
        if wanted is None or not market.any_limit:
            symbols = self._catalogue.spellings(route.depth_path, now_ms)
        elif (spelling := self._catalogue.spelling(route.depth_path, wanted)) is not None:
            symbols = {wanted: spelling}
        else:
            raise _BadRequestError(-1121, "Invalid symbol.")
        told = replace(market, weight_per_minute=Limits.of(market, self._limits).weight_per_minute)
        return orjson.dumps(exchange_info(told, symbols, now_ms))

    def _granted(self, feed: Feed, limit: int, faults: list[Fault]) -> Depth:
        """Return what the request gets of the levels that it asks for."""
        depth = self._depth(feed, limit, {fault.kind for fault in faults})
        cut = {"bid": len(depth.bids), "ask": len(depth.asks)}
        for fault in faults:
            if fault.kind == "empty-snapshot":
                cut = dict.fromkeys(cut, 0)
            elif fault.kind == "cached-snapshot":
                self._cached[feed] = (self._clock() + fault.seconds, self._depth(feed, feed.market.max_limit, set()))
            elif fault.kind == "capped" and limit > fault.above:
                most = fault.levels if fault.levels is not None else self._draw(fault, limit)
                cut |= {side: min(cut[side], most) for side in ([fault.side] if fault.side is not None else cut)}
        until, cached = self._cached.get(feed, (0.0, depth))
        if self._clock() < until:
            depth = cached
            cut = {side: min(levels, limit) for side, levels in cut.items()}
        return replace(depth, bids=depth.bids[: cut["bid"]], asks=depth.asks[: cut["ask"]])

    def _now_ms(self) -> int:
        return int(self._clock() * 1_000)

    def _draw(self, fault: Fault, limit: int) -> int:
        draws = self._draws.setdefault(fault, Random(f"{fault.seed}/levels"))  # noqa: S311 - a game, not a secret
        return draws.randint(1, max(1, limit))

    def _depth(self, feed: Feed, limit: int, kinds: set[str]) -> Depth:
        if "mismatch" in kinds:
            other = self._catalogue.another(feed, self._now_ms())
            if other is None:
                logger.warning("expected a second symbol of %s for a mismatch, was none", feed.market.name)
            else:
                return other.snapshot(limit)
        return feed.stale(limit) if "stale" in kinds else feed.snapshot(limit)


def _spoilt(answer: Answer, faults: list[Fault]) -> Answer:
    for fault in faults:
        match fault.kind:
            case "403":
                return Answer(403, FIREWALL_PAGE, _retry(ceil(fault.seconds)), media="text/html")
            case "500":
                body = _error_body(-1000, "An unknown error occurred while processing the request.")
                return Answer(500, body, answer.headers)
            case "time-out":
                return answer._replace(pause=fault.seconds, cut=0)
            case "truncate":
                return answer._replace(cut=len(answer.body) // 2)
    return answer


def _retry(seconds: int) -> tuple[tuple[str, str], ...]:
    return (("Retry-After", str(seconds)),) if seconds else ()


def _used_weight(market: Market, used: int) -> tuple[tuple[str, str], ...]:
    count = str(used)
    header = ("X-MBX-USED-WEIGHT-1M", count)
    # Spot has an older name beside it, which some clients still read.
    return (("X-MBX-USED-WEIGHT", count), header) if market.depth_path == shapes.SPOT_PATH else (header,)


def _is_depth(route: RestRoute) -> bool:
    return route.endpoint == "depth"


def _weight_of(route: RestRoute, market: Market, limit: int | None) -> int:
    if limit is not None:
        # Measured on futures: without a `limit` the weight is 1, whatever the page says.
        return market.snapshot_weight(limit) if market.any_limit or "limit" in route.query else LIGHT_WEIGHT
    return SPOT_INFO_WEIGHT if route.endpoint == "exchangeInfo" and market.any_limit else LIGHT_WEIGHT


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


def _error_body(code: int, text: str) -> bytes:
    return orjson.dumps({"code": code, "msg": text})
