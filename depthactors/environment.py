"""Where a market is reached: at the exchange, or where the environment says."""

from __future__ import annotations

import os
from functools import cache
from typing import TYPE_CHECKING, Final

from depthactors import markets, reporting

if TYPE_CHECKING:
    from depthactors.markets import Market

logger = reporting.logger(__name__)

EXCHANGE_VARIABLE: Final = "DEPTHACTORS_EXCHANGE"
"""Environment variable that sends every market to one local exchange."""


def resolve(market: str | Market) -> Market:
    """Return the market's row, sent to the local exchange if the environment says so, with a warning, once."""
    row = markets.lookup(market)
    address = os.environ.get(EXCHANGE_VARIABLE)
    if not address:
        return row
    _warn_once(row.name, address)
    return row.at(address)


@cache
def _warn_once(market: str, address: str) -> None:
    logger.warning("= %s is set: %s goes to %s, not to the exchange", EXCHANGE_VARIABLE, market, address)
