"""`Client`: which exchange a program means, in the form of python-binance's client."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final, NoReturn

from depthactors.errors import UsageError
from depthactors.python_binance.missing import HintingType, missing_in_client

_ENDPOINTS: Final = ("", "1", "2", "3", "4")


class Client(metaclass=HintingType):
    """The exchange to connect to, and the way there. It opens no connection itself.

    A client of python-binance (`Client`, `AsyncClient`) can be given wherever this one can. A manager honours or
    refuses each setting of either client.

    Attributes:
        tld: `com`, `us`, or another top-level domain of the exchange.
        testnet: whether the test networks are meant.
        demo: whether the demo hosts are meant, unless the test networks are.
        requests_params: a mapping whose `timeout` and `proxies` are used.
        session_params: a mapping whose `proxy` is used.
        https_proxy: the proxy for REST and websockets.
    """

    def __init__(
        self,
        api_key: str | None = None,
        api_secret: str | None = None,
        requests_params: dict[str, Any] | None = None,
        tld: str = "com",
        base_endpoint: str = "",
        testnet: bool = False,
        demo: bool = False,
        *,
        private_key: Any = None,
        private_key_pass: str | None = None,
        ping: bool | None = True,
        loop: Any = None,
        session_params: dict[str, Any] | None = None,
        https_proxy: str | None = None,
        time_unit: str | None = None,
        verbose: bool = False,
    ) -> None:
        """Keep the settings. The keys are not kept: market data needs none.

        Args:
            api_key: not needed.
            api_secret: not needed.
            requests_params: a `timeout` and `proxies` as requests takes them; anything else is refused when used.
            tld: top-level domain of the exchange.
            base_endpoint: `1` to `4` for another address of spot's REST.
            testnet: use the test networks.
            demo: use the demo hosts.
            private_key: not needed.
            private_key_pass: not needed.
            ping: ignored; no request is sent here.
            loop: ignored; there is no event loop here.
            session_params: a `proxy`, and `trust_env`, which is always on; anything else is refused when used.
            https_proxy: `http://host:port` for REST and websockets.
            time_unit: `MILLISECOND`; another one is refused when used.
            verbose: log at DEBUG level.

        Raises:
            UsageError: `base_endpoint` is not one of the exchange's.
        """
        del api_key, api_secret, private_key, private_key_pass, ping, loop
        if base_endpoint not in _ENDPOINTS or not isinstance(base_endpoint, str):
            msg = f"expected a base_endpoint of '' or '1' to '4', was {base_endpoint!r}"
            raise UsageError(msg)
        self.requests_params = requests_params
        self.session_params = session_params
        self.tld = tld
        self.testnet = testnet
        self.demo = demo
        self.https_proxy = https_proxy
        self.verbose = verbose
        # Names of python-binance's client that programs set on the finished object.
        self.TIME_UNIT = time_unit
        if base_endpoint:
            self.API_URL = f"https://api{base_endpoint}.binance.{tld}/api"
        if verbose:
            logging.getLogger("depthactors").setLevel(logging.DEBUG)

    if not TYPE_CHECKING:
        # Out of sight of type checkers, which find these names missing by themselves.

        def __getattr__(self, name: str) -> NoReturn:
            """Raise an error that says where to find the names that only python-binance's client has."""
            raise missing_in_client(type(self).__name__, name)
