"""The address of a market: the exchange's, or that of a local exchange that the environment names."""

from __future__ import annotations

import os
from functools import lru_cache
from ipaddress import ip_address
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from depthactors import markets, reporting
from depthactors.errors import UsageError

if TYPE_CHECKING:
    from depthactors.markets import Market

logger = reporting.logger(__name__)

EXCHANGE_VARIABLE: Final = "DEPTHACTORS_EXCHANGE"
"""Environment variable that sends every market to one local exchange."""
ANY_VARIABLE: Final = "DEPTHACTORS_EXCHANGE_ANY"
"""Environment variable that, set to 1, lets that exchange be on another machine."""


def resolve(market: str | Market) -> Market:
    """Return the market's row, with the local exchange's address if the environment names one.

    Raises:
        UsageError: the environment names something else than an exchange on this machine.
    """
    row = markets.lookup(market)
    address = os.environ.get(EXCHANGE_VARIABLE)
    if not address:
        return row
    _check(address)
    _announce_once(address)
    logger.info("= %s is set: %s goes to %s", EXCHANGE_VARIABLE, row.name, address)
    return row.at(address)


def _check(address: str) -> None:
    host = _host_of(address)
    if host is None:
        msg = f"expected {EXCHANGE_VARIABLE} as an address like http://127.0.0.1:9000, was {address!r}"
        raise UsageError(msg)
    if not _is_loopback(host) and os.environ.get(ANY_VARIABLE) != "1":
        msg = (
            f"expected {EXCHANGE_VARIABLE} as an address of this machine, was {address!r}: its prices would be taken "
            f"for the exchange's; if that is what you want, set {ANY_VARIABLE}=1"
        )
        raise UsageError(msg)


def _host_of(address: str) -> str | None:
    try:
        parts = urlsplit(address)
        is_whole = (
            parts.scheme == "http" and parts.port and not (parts.path.strip("/") or parts.query or parts.fragment)
        )
    except ValueError:
        return None
    return parts.hostname or None if is_whole else None


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


@lru_cache
def _announce_once(address: str) -> None:
    """Write the address to stderr, once in a process."""
    reporting.announce(_words(address))


def announcement() -> str:
    """Return where every market is, if the environment names a local exchange; else an empty text.

    A command that shows prices, or keeps them, says so: simulated ones must not be taken for real ones.
    """
    address = os.environ.get(EXCHANGE_VARIABLE)
    return _words(address) if address else ""


def _words(address: str) -> str:
    return f"{EXCHANGE_VARIABLE} is set: every market is at {address}, not at the exchange"
