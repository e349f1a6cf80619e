"""`Client`: which exchange a program means, as python-binance's client says it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from depthactors import markets
from depthactors.binance.missing import HintingType, missing_in_client
from depthactors.environment import resolve
from depthactors.errors import UsageError

if TYPE_CHECKING:
    from depthactors.markets import Market


class Client(metaclass=HintingType):
    """The place to connect to; it connects to nothing itself.

    Wherever a client is taken, one of python-binance's (`Client`, `AsyncClient`) is taken as well, for its
    `tld` and `testnet`.

    Attributes:
        tld: `com`, `us`, or another top-level domain of the exchange.
        testnet: whether the test networks are meant.
        requests_params: its `timeout` holds.
        https_proxy: for REST and websockets.
    """

    def __init__(
        self,
        api_key: str | None = None,
        api_secret: str | None = None,
        requests_params: dict[str, Any] | None = None,
        tld: str = "com",
        testnet: bool = False,
        *,
        https_proxy: str | None = None,
    ) -> None:
        """Keep the settings; the keys are not needed for market data, and not kept."""
        del api_key, api_secret
        self.requests_params = requests_params
        self.tld = tld
        self.testnet = testnet
        self.https_proxy = https_proxy

    def __getattr__(self, name: str) -> Any:
        """Say of names that only python-binance's client has where they are."""
        raise missing_in_client(type(self).__name__, name)


def market_of(client: Any, name: str) -> Market:
    """Return the row of a market for a client: its test network, or its top-level domain.

    Args:
        client: ours, theirs, or `None` for the usual exchange.
        name: `spot`, `usdm`, `coinm` or `options`.

    Raises:
        UsageError: an object that tells neither `tld` nor `testnet`.
    """
    if client is None:
        return resolve(name)
    try:
        tld, testnet = str(client.tld), bool(client.testnet)
    except AttributeError:
        msg = f"expected a Client with tld and testnet, was {client!r}"
        raise UsageError(msg) from None
    if testnet:
        return resolve(f"{name}-testnet")
    if name != "spot" or tld == "com":
        return resolve(name)
    if tld == "us":
        return resolve("us")
    row = resolve(name)
    if row != markets.SPOT:
        return row
    place, domain = f"spot-{tld}", f"binance.{tld}"
    return replace(
        row,
        name=place,
        weight_pool=place,
        rest_url=f"https://api.{domain}",
        stream_url=f"wss://stream.{domain}:9443",
    )


def settings_of(client: Any) -> dict[str, Any]:
    """Translate a client's time-out and proxy to the engine's settings.

    A time-out is what requests takes: seconds, or a pair of them for connecting and reading.
    """
    settings: dict[str, Any] = {"proxy": getattr(client, "https_proxy", None)}
    timeout = (getattr(client, "requests_params", None) or {}).get("timeout")
    if isinstance(timeout, tuple) and len(timeout) == 2:
        given = zip(("connect_timeout", "read_timeout"), timeout, strict=True)
        return settings | {name: seconds for name, seconds in given if seconds is not None}
    return settings if timeout is None else settings | {"read_timeout": timeout}
