"""The parameters of a REST request: which are refused, and what weight the request has. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from depthactors.exchange.rest.reply import error_body
from depthactors.exchange.shapes.table import shape_of

if TYPE_CHECKING:
    from depthactors.exchange.rest.path import RestPath
    from depthactors.markets import Market

LIGHT_WEIGHT: Final = 1
"""Weight of ping, of time, of a request that was refused for its parameters, and of a futures depth without `limit`."""

SPOT_INFO_WEIGHT: Final = 20

_LIMIT: Final = re.compile(r"[0-9]{1,20}")


class BadRequestError(Exception):
    """A request that gets a reply of status 400 with an error object.

    Attributes:
        body: the error object, JSON.
    """

    def __init__(self, code: int, text: str) -> None:
        """Take the exchange's own error code and text."""
        super().__init__(text)
        self.body = error_body(code, text)


def limit_of(path: RestPath, market: Market) -> int | None:
    """Return how many levels a side a depth request asks for; `None` for another request.

    Raises:
        BadRequestError: a `limit` that the market does not accept.
    """
    if not path.is_depth:
        return None
    text = path.query.get("limit")
    if text is None:
        return shape_of(market).default_limit
    if not _LIMIT.fullmatch(text):
        cause = "Illegal characters found in parameter 'limit'; legal range is '^[0-9]{1,20}$'."
        raise BadRequestError(-1100, cause)
    limit = int(text)
    if market.any_limit and limit > 0:
        return min(limit, market.max_limit)
    if limit in market.limits:
        return limit
    if market.any_limit:
        raise BadRequestError(-1130, "Data sent for parameter 'limit' is not valid.")
    raise BadRequestError(-4021, f"{limit} is not valid depth limit")


def weight_of(path: RestPath, market: Market, limit: int | None) -> int:
    """Return the weight of a request; `limit` is what `limit_of` returned."""
    if limit is not None:
        # Measured on futures: without a `limit` the weight is 1, which is not what the page says.
        return market.snapshot_weight(limit) if market.any_limit or "limit" in path.query else LIGHT_WEIGHT
    return SPOT_INFO_WEIGHT if path.endpoint == "exchangeInfo" and market.any_limit else LIGHT_WEIGHT


def symbol_of(path: RestPath) -> str:
    """Return the symbol of a depth request.

    Raises:
        BadRequestError: there is none.
    """
    symbol = path.query.get("symbol")
    if not symbol:
        cause = "Mandatory parameter 'symbol' was not sent, was empty/null, or malformed."
        raise BadRequestError(-1102, cause)
    return symbol


def invalid_symbol() -> BadRequestError:
    """Return the error for a symbol that does not exist."""
    return BadRequestError(-1121, "Invalid symbol.")
