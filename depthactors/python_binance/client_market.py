"""From a client to the market that it points to."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from depthactors import markets
from depthactors.engine.environment import resolve
from depthactors.errors import UsageError

if TYPE_CHECKING:
    from depthactors.markets import Market

_ADDRESSES: Final = {"spot": "API", "usdm": "FUTURES", "coinm": "FUTURES_COIN", "options": "OPTIONS"}
"""What the names of a client's addresses begin with; `_URL`, `_TESTNET_URL` and `_DEMO_URL` follow."""
_SAME_PLACE: Final = {"https://testnet.binanceops.com": "https://testnet.binancefuture.com"}
"""An address that python-binance has, and the address that we have for the same place."""
_DOMAIN: Final = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)*", re.IGNORECASE)
_SPOT_REST: Final = re.compile(r"https://(api[1-4]?|api-gcp)\.binance\.(?P<tld>[a-z0-9.-]+)", re.IGNORECASE)
_DATA_ONLY: Final = "https://data-api.binance.vision"


def market_of(client: Any, name: str) -> Market:
    """Return a market as a client means it: with its test network, demo host, domain and REST address.

    An address that a program has set on the client (`client.API_URL = ...`) is honoured if it is the exchange's.
    `DEPTHACTORS_EXCHANGE` in the environment replaces all of this by the local exchange.

    Args:
        client: a `Client` of this package or of python-binance; `None` for the usual exchange.
        name: `spot`, `usdm`, `coinm` or `options`.

    Raises:
        UsageError: the object has no `tld` and `testnet`, or the exchange that it means has no such market.
    """
    if client is None:
        return resolve(name)
    try:
        tld, testnet, demo = str(client.tld), bool(client.testnet), bool(getattr(client, "demo", False))
    except AttributeError:
        msg = f"expected a Client with tld and testnet, was {client!r}"
        raise UsageError(msg) from None
    kind = "TESTNET_" if testnet else "DEMO_" if demo else ""
    row = _named(name, kind) if kind else _in_domain(name, tld)
    there = resolve(row)
    if there is not row:
        return there
    attribute = f"{_ADDRESSES[name]}_{kind}URL"
    return _at_address(row, name, attribute, getattr(client, attribute, None))


def _named(name: str, kind: str) -> Market:
    place = f"{name}-{kind.strip('_').lower()}"
    if place not in markets.MARKETS:
        msg = f"expected a client of a place that has {name}, was one of {place}"
        raise UsageError(msg)
    return markets.MARKETS[place]


def _in_domain(name: str, tld: str) -> Market:
    row = markets.MARKETS[name]
    if tld == "com":
        return row
    if tld == "us":
        if name == "spot":
            return markets.US
        msg = f"expected a client of a place that has {name}, was one with tld='us', which has spot alone"
        raise UsageError(msg)
    if not _DOMAIN.fullmatch(tld):
        msg = f"expected a top-level domain like 'com', was {tld!r}"
        raise UsageError(msg)
    return replace(
        row,
        name=f"{name}-{tld}",
        weight_pool=f"{row.weight_pool}-{tld}",
        rest_url=row.rest_url.replace("binance.com", f"binance.{tld}"),
        stream_url=row.stream_url.replace("binance.com", f"binance.{tld}"),
    )


def _at_address(row: Market, name: str, attribute: str, url: Any) -> Market:
    """Return the row with the client's own REST address: the given row, unless a program has set another address."""
    if url is None:
        return row
    parts = urlsplit(str(url))
    address = f"{parts.scheme}://{parts.netloc}"
    address = _SAME_PLACE.get(address, address)
    if address == row.rest_url:
        return row
    places = [each for each in markets.MARKETS.values() if each.family is row.family]
    found = [each for each in places if each.rest_url == address]
    if found:
        return found[0]
    host = _SPOT_REST.fullmatch(address)
    if name == "spot" and (host or address == _DATA_ONLY):
        return replace(_in_domain(name, host["tld"] if host else "com"), rest_url=address)
    known = ", ".join(each.rest_url for each in places)
    msg = f"expected {attribute} of a place whose streams are known ({known}), was {url!r}"
    raise UsageError(msg)
