"""REST depth requests: a connection of their own, and failures as values."""

from __future__ import annotations

import time
from http.client import HTTPException
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

from depthactors import binance
from depthactors.binance.depth_reply import MAX_BODY, DepthReply
from depthactors.errors import SnapshotError, as_value
from depthactors.net.get import Getter
from depthactors.net.proxy import proxy_for
from depthactors.reporting import printable

if TYPE_CHECKING:
    from depthactors.markets import Market
    from depthactors.net.settings import NetworkSettings

_WORDS: Final = 200
"""Characters of what the other side says that are repeated in an error."""


class RestClient:
    """Fetches depth snapshots. Thread: one uses it; any thread may `cut` and `abort`. See `Getter`."""

    def __init__(self, settings: NetworkSettings) -> None:
        """Open no connection before the first request."""
        self._proxy = settings.proxy
        self._getter = Getter(MAX_BODY, settings.connect_timeout, settings.read_timeout)

    def fetch_depth(self, market: Market, symbol: str, limit: int, request: int = 0) -> DepthReply:
        """Fetch one snapshot, in the request of a number by which it can be cut. Failures are returned, not raised.

        Blocks for at most `connect_timeout`, and then `read_timeout` between any two bytes. `cut` ends all of it,
        but for the look-up of a name.
        """
        url = f"{market.rest_url}{market.depth_path}"
        sent, through = time.monotonic(), ""
        try:
            proxy = proxy_for(url, self._proxy)
            through = "" if proxy is None else f" through the proxy {proxy}"
            answer = self._getter.get(f"{url}?{urlencode({'symbol': symbol, 'limit': limit})}", proxy, request)
        except (HTTPException, OSError, ValueError) as error:
            words = f"{type(error).__name__}: {printable(str(error), _WORDS)}"
            failure = SnapshotError(f"{symbol}: no answer from {url}{through}: {words}")
            failure.__cause__ = error
            return DepthReply(as_value(failure))
        return binance.read_depth_reply(
            answer, market, symbol, limit, sent=sent, received=time.monotonic(), recv_time=time.time()
        )

    def cut(self, request: int = 0) -> None:
        """Fail the request of that number, at once, or once its name is looked up, and no later one; any thread."""
        self._getter.cut(request)

    def abort(self) -> None:
        """Fail the request under way, as `cut` does, and any further one; any thread."""
        self._getter.abort()

    def close(self) -> None:
        """Close the idle connections."""
        self._getter.close()
