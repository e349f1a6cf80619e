"""REST depth requests: one session, time-outs, the used weight, and failures with types."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import requests

from depthactors import wire
from depthactors.errors import MalformedFrameError, RateLimitedError, SnapshotError, UnknownSymbolError
from depthactors.net.abort import AbortableAdapter
from depthactors.net.proxy import requests_proxies

if TYPE_CHECKING:
    from depthactors.markets import Market
    from depthactors.wire import Snapshot

logger = logging.getLogger(__name__)

_INVALID_SYMBOL: Final = frozenset({-1121, -1100})
"""Codes for a symbol that is not listed, and for one with characters that none has."""
_HEADER_DIGITS: Final = 9
_WEIGHT_HEADER: Final = "X-MBX-USED-WEIGHT-1M"
_DEFAULT_BAN: Final = {429: 60.0, 418: 120.0}
"""Seconds to wait when the answer does not say: the window's length, the shortest ban."""


@dataclass(frozen=True, slots=True)
class DepthReply:
    """What a depth request brought: a snapshot or the reason for none, and the pool's used weight if told."""

    result: Snapshot | SnapshotError | MalformedFrameError | UnknownSymbolError
    used_weight: int | None


class RestClient:
    """Fetches depth snapshots. Not thread-safe: each thread has its own."""

    def __init__(self, *, proxy: str | None = None, connect_timeout: float = 3.05, read_timeout: float = 10.0) -> None:
        """Prepare a session; no connection is opened before the first request.

        Args:
            proxy: `http://host:port` for all requests; without it the environment's proxies hold.
            connect_timeout: seconds for connecting.
            read_timeout: seconds between two bytes of the answer; the exchange itself gives up at 10.
        """
        self._session = requests.Session()
        self._session.proxies.update(requests_proxies(proxy))
        self._adapter = AbortableAdapter()
        self._session.mount("http://", self._adapter)
        self._session.mount("https://", self._adapter)
        self._timeout = (connect_timeout, read_timeout)

    def fetch_depth(self, market: Market, symbol: str, limit: int) -> DepthReply:
        """Fetch one snapshot. Failures are returned, not raised.

        Blocks for at most `connect_timeout`, and then `read_timeout` between any two bytes.
        """
        url = f"{market.rest_url}{market.depth_path}"
        try:
            response = self._session.get(url, params={"symbol": symbol, "limit": str(limit)}, timeout=self._timeout)
        except requests.RequestException as error:
            failure = SnapshotError(f"{symbol}: no answer from {url}: {type(error).__name__}: {error}")
            failure.__cause__ = error
            return DepthReply(failure, None)
        header = response.headers.get(_WEIGHT_HEADER, "")
        used = int(header) if _is_number(header) else None
        try:
            return DepthReply(self._read(response, market, symbol, limit), used)
        except (MalformedFrameError, SnapshotError, UnknownSymbolError) as error:
            return DepthReply(error, used)

    def abort(self) -> None:
        """Fail the request under way and any further one, at once; any thread."""
        self._adapter.abort()

    def close(self) -> None:
        """Close the idle connections."""
        self._session.close()

    def _read(self, response: requests.Response, market: Market, symbol: str, limit: int) -> Snapshot:
        status = response.status_code
        if status in _DEFAULT_BAN:
            retry_after = _seconds(response.headers.get("Retry-After"), _DEFAULT_BAN[status])
            msg = f"{symbol}: {market.name} answered {status}, silent for {retry_after:g} s"
            raise RateLimitedError(msg, status=status, retry_after=retry_after)
        if status == requests.codes.ok:
            return wire.parse_snapshot(wire.decode(response.content), limit, symbol)
        code, words = _error_body(response)
        if code in _INVALID_SYMBOL:
            msg = f"{market.name} does not list {symbol!r} ({code}: {words})"
            raise UnknownSymbolError(msg)
        msg = f"{symbol}: {market.name} answered {status} {words}"
        raise SnapshotError(msg, status=status, code=code)


def _error_body(response: requests.Response) -> tuple[int | None, str]:
    try:
        body = wire.decode(response.content)
    except MalformedFrameError:
        return None, response.text[:120]
    code = body.get("code")
    return (code if isinstance(code, int) else None), str(body.get("msg", ""))


def _seconds(text: str | None, default: float) -> float:
    """Read a `Retry-After` header of whole seconds, the only form the exchange uses."""
    return float(text) if text is not None and _is_number(text) else default


def _is_number(text: str) -> bool:
    """Tell a whole number of a sane size from whatever else a header may hold."""
    return text.isascii() and text.isdigit() and len(text) <= _HEADER_DIGITS
