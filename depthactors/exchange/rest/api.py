"""REST: from the path of a request to the exchange's reply. No socket here."""

from __future__ import annotations

from dataclasses import replace
from email.utils import formatdate
from typing import TYPE_CHECKING

import orjson

from depthactors import reporting
from depthactors.dispatcher import SYSTEM_CLOCK
from depthactors.errors import DepthActorsError
from depthactors.exchange.fault import Place
from depthactors.exchange.limits import Limits
from depthactors.exchange.rest import parameters
from depthactors.exchange.rest.depth_faults import DepthFaults, limited, spoilt
from depthactors.exchange.rest.parameters import LIGHT_WEIGHT, BadRequestError
from depthactors.exchange.rest.path import rest_path
from depthactors.exchange.rest.reply import Reply, error_body, retry_after
from depthactors.exchange.rest.weights import BANNED, TOO_MANY_REQUESTS, WeightCounter
from depthactors.exchange.shapes.table import shape_of
from depthactors.markets import MARKETS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from depthactors.dispatcher import Clock
    from depthactors.exchange.catalogue import Catalogue
    from depthactors.exchange.fault import Fault
    from depthactors.exchange.fault_plan import FaultPlan
    from depthactors.exchange.rest.path import RestPath
    from depthactors.exchange.rest.weights import Charge
    from depthactors.markets import Market

logger = reporting.logger(__name__)


class RestApi:
    """The REST side of one exchange. Thread: any."""

    def __init__(
        self,
        catalogue: Catalogue,
        faults: FaultPlan,
        limits: Mapping[str, float] | None = None,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        """Count weight from zero.

        Args:
            catalogue: the feeds.
            faults: the faults of depth requests.
            limits: changes of the markets' own limits.
            clock: the time of day, for `/time` and for the minutes of the weight.
        """
        self._catalogue = catalogue
        self._faults = faults
        self._limits = limits
        self._clock = clock
        self._weights = WeightCounter()
        self._depths = DepthFaults(lambda feed: catalogue.another(feed, self._now_ms()), clock)
        self._missed: set[Market] = set()

    def reply(self, path: str, headers: Mapping[str, str]) -> Reply:
        """Return the reply to a GET request.

        Args:
            path: the path, with its query.
            headers: the request's headers.
        """
        asked = rest_path(path)
        if asked is None:
            return Reply(404, b"{}")
        market = self._market_of(asked)
        faults = self._faults.strike(Place.REST, asked.query.get("symbol")) if asked.is_depth else []
        limit, refusal = None, None
        try:
            limit = parameters.limit_of(asked, market)
            weight = parameters.weight_of(asked, market, limit)
        except BadRequestError as error:
            refusal, weight = error, LIGHT_WEIGHT
        charge = self._weights.charge(market.weight_pool, weight, Limits.of(market, self._limits), self._clock.time())
        used = tuple((name, str(charge.used)) for name in shape_of(market).weight_headers)
        charge, form = limited(charge, faults)
        if charge.status != 200:
            return self._refused(market, charge, used, form)
        if refusal is not None:
            return Reply(400, refusal.body, used)
        try:
            reply = Reply(200, self._body(asked, market, limit, headers, faults), used)
        except BadRequestError as error:
            return Reply(400, error.body, used)
        except DepthActorsError as error:
            return Reply(503, error_body(-1000, str(error)), used)
        return spoilt(reply, faults)

    def _refused(self, market: Market, charge: Charge, headers: tuple[tuple[str, str], ...], form: str) -> Reply:
        """Return the reply of status 429 or 418, in the words of the exchange; `form` is that of `limited`."""
        allowed = Limits.of(market, self._limits).weight_per_minute
        until = int((self._clock.time() + charge.retry_after) * 1_000)
        text = {
            TOO_MANY_REQUESTS: f"Too much request weight used; current limit is {allowed} request weight per 1 MINUTE. "
            "Please use WebSocket Streams for live updates to avoid polling the API.",
            BANNED: f"Way too much request weight used; IP banned until {until}. "
            "Please use WebSocket Streams for live updates to avoid bans.",
        }[charge.status]
        retry = {
            "": retry_after(charge.retry_after),
            "date": (("Retry-After", formatdate(self._clock.time() + charge.retry_after, usegmt=True)),),
            "body": (),
        }[form]
        return Reply(charge.status, error_body(-1003, text), (*headers, *retry))

    def _market_of(self, asked: RestPath) -> Market:
        feed = self._catalogue.rest(asked.depth_path, asked.query.get("symbol", "")) if asked.is_depth else None
        if feed is not None:
            return feed.market
        market = self._catalogue.market_at(asked.depth_path)
        if market is not None:
            return market
        absent = next(row for row in MARKETS.values() if row.depth_path == asked.depth_path)
        if absent not in self._missed:
            # The client sees no more than an invalid symbol.
            self._missed.add(absent)
            served = ", ".join(row.name for row in self._catalogue.markets)
            logger.error("! a client asked for %s, but this exchange serves only %s", absent.name, served)
        return absent

    def _body(
        self, asked: RestPath, market: Market, limit: int | None, headers: Mapping[str, str], faults: list[Fault]
    ) -> bytes:
        match asked.endpoint:
            case "ping":
                return b"{}"
            case "time":
                unit = headers.get("X-MBX-TIME-UNIT", "").upper()
                scale = 1_000_000 if unit == "MICROSECOND" and shape_of(market).microseconds else 1_000
                return orjson.dumps({"serverTime": int(self._clock.time() * scale)})
            case "exchangeInfo":
                return self._exchange_info(asked, market)
        symbol = parameters.symbol_of(asked)
        feed = self._catalogue.rest(asked.depth_path, symbol)
        if feed is None or any(fault.kind == "unlisted" for fault in faults):
            raise parameters.invalid_symbol()
        if market.any_limit and asked.query.get("symbolStatus", "TRADING") != "TRADING":
            raise BadRequestError(-1220, "The symbol is not in the requested symbolStatus.")
        return shape_of(market).depth_reply(symbol, self._depths.depth(feed, limit or 0, faults))

    def _exchange_info(self, asked: RestPath, market: Market) -> bytes:
        now_ms = self._now_ms()
        wanted = asked.query.get("symbol")
        if wanted is None or not market.any_limit:
            symbols = self._catalogue.number_formats(asked.depth_path, now_ms)
        elif (number_format := self._catalogue.number_format(asked.depth_path, wanted)) is not None:
            symbols = {wanted: number_format}
        else:
            raise parameters.invalid_symbol()
        limited_market = replace(market, weight_per_minute=Limits.of(market, self._limits).weight_per_minute)
        return orjson.dumps(shape_of(market).exchange_info(limited_market, symbols, now_ms))

    def _now_ms(self) -> int:
        return int(self._clock.time() * 1_000)
