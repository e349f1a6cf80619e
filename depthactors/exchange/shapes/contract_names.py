"""What the names of futures and options say: the pair, the day on which they end, the strike. Pure."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Final, NamedTuple

_EXPIRY_HOUR: Final = 8
"""UTC hour at which options and delivery contracts end, as in `exchangeInfo`."""

OPTION: Final = re.compile(r"([0-9A-Z]+)-(\d{6})-(\d+(?:\.\d+)?)-([CP])")


class Option(NamedTuple):
    """What the name of an option says, as `BTC-261225-100000-C` does.

    Attributes:
        underlying: the asset, `BTC`.
        expiry_ms: the time at which it ends, in milliseconds since the epoch.
        strike: the strike price, as it is written.
        side: `C` for a call, `P` for a put.
    """

    underlying: str
    expiry_ms: int
    strike: str
    side: str


def option_of(symbol: str) -> Option | None:
    """Read the name of an option; `None` if it is not one."""
    match = OPTION.fullmatch(symbol)
    expiry_ms = None if match is None else expiry_of(match[2])
    return None if match is None or expiry_ms is None else Option(match[1], expiry_ms, match[3], match[4])


def expiry_of(date: str) -> int | None:
    """Return the time (ms since the epoch) at which a contract of that day (`261225`) ends; `None` for no valid day."""
    try:
        day = datetime.strptime(date, "%y%m%d").replace(hour=_EXPIRY_HOUR, tzinfo=UTC)
    except ValueError:
        return None
    return int(day.timestamp()) * 1_000


def pair_of(symbol: str) -> str:
    """Return the pair of a futures contract: `BTCUSD` of `BTCUSD_PERP`."""
    return symbol.partition("_")[0]
