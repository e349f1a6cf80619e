"""REST depth requests: one session, bounds on all that comes back, and failures with types."""

from __future__ import annotations

import time
import zlib
from dataclasses import dataclass
from http.cookiejar import DefaultCookiePolicy
from typing import TYPE_CHECKING, Final

import requests
from urllib3.exceptions import HTTPError, MaxRetryError, ProtocolError

from depthactors import binance, reporting
from depthactors.errors import (
    MalformedFrameError,
    RateLimitedError,
    SnapshotError,
    UnknownSymbolError,
    UsageError,
    as_value,
)
from depthactors.markets import MARKETS
from depthactors.net.abort import AbortableAdapter
from depthactors.net.proxy import proxy_for
from depthactors.reporting import printable

if TYPE_CHECKING:
    from depthactors.binance import Snapshot
    from depthactors.markets import Market
    from depthactors.net.settings import NetworkSettings

logger = reporting.logger(__name__)

MAX_BODY: Final = 4 * 1024 * 1024
"""Bytes of an answer, unpacked: ten times the largest snapshot there is (5,000 levels a side)."""
_PIECE: Final = 64 * 1024
_INVALID_SYMBOL: Final = frozenset({-1121, -1100})
"""Codes for a symbol that is not listed, and for one with characters that none has."""
_HEADER_DIGITS: Final = 9
_WEIGHT_HEADER: Final = "X-MBX-USED-WEIGHT-1M"
_WORDS: Final = 200
"""Characters of what the other side says that are repeated in an error."""


@dataclass(frozen=True, slots=True)
class DepthReply:
    """What a depth request brought: a snapshot or the reason for none.

    Attributes:
        result: either of them.
        used_weight: weight of the pool in this minute, if the answer says.
        date: the exchange's clock, whole seconds since the epoch, if the answer says.
        sent, received: monotonic seconds at which the request was sent and the answer was there; 0 without one.
        recv_time: seconds since the epoch at which the answer was there.
    """

    result: Snapshot | SnapshotError | MalformedFrameError | UnknownSymbolError
    used_weight: int | None = None
    date: float | None = None
    sent: float = 0.0
    received: float = 0.0
    recv_time: float = 0.0


class RestClient:
    """Fetches depth snapshots. Not thread-safe: each thread has its own, others may only `cut` and `abort`.

    TLS certificates and host names are verified, and there is no way to turn that off. No redirect is
    followed, no cookie kept, no `.netrc` read: the exchange needs none of them.
    """

    def __init__(self, settings: NetworkSettings) -> None:
        """Prepare a session; no connection is opened before the first request.

        Args:
            settings: how the exchange is reached. To bound the whole answer, call `cut`.
        """
        self._session = requests.Session()
        # Proxies and certificates are looked up where streams look them up, too.
        self._session.trust_env = False
        self._proxy = settings.proxy
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        self._session.headers["Accept-Encoding"] = "gzip"
        self._adapter = AbortableAdapter()
        self._session.mount("http://", self._adapter)
        self._session.mount("https://", self._adapter)
        self._timeout = (settings.connect_timeout, settings.read_timeout)

    def fetch_depth(self, market: Market, symbol: str, limit: int, request: int = 0) -> DepthReply:
        """Fetch one snapshot, in the request of a number by which it can be cut. Failures are returned, not raised.

        Blocks for at most `connect_timeout`, and then `read_timeout` between any two bytes. `cut` ends all of it,
        but for the look-up of a name.
        """
        url = f"{market.rest_url}{market.depth_path}"
        sent, through = time.monotonic(), ""
        try:
            self._adapter.begin(request)
            self._adapter.proxy = proxy = proxy_for(url, self._proxy)
            through = "" if proxy is None else f" through the proxy {proxy}"
            response = self._session.get(
                url,
                params={"symbol": symbol, "limit": str(limit)},
                timeout=self._timeout,
                stream=True,
                allow_redirects=False,
            )
            with response:
                body = _body_of(response)
        except (requests.RequestException, HTTPError, OSError, UsageError) as error:
            failure = SnapshotError(f"{symbol}: no answer from {url}{through}: {_words_of(error)}")
            failure.__cause__ = error
            return DepthReply(as_value(failure))
        header = response.headers.get(_WEIGHT_HEADER, "")
        used = int(header) if _is_number(header) else None
        date = binance.read_date(response.headers.get("Date"))
        times = sent, time.monotonic(), time.time()
        try:
            return DepthReply(_read(response, body, market, symbol, limit, date), used, date, *times)
        except (MalformedFrameError, SnapshotError, UnknownSymbolError) as error:
            return DepthReply(as_value(error), used, date, *times)

    def cut(self, request: int = 0) -> None:
        """Fail the request of that number, at once, or once its name is looked up, and no later one; any thread."""
        self._adapter.cut(request)

    def abort(self) -> None:
        """Fail the request under way, as `cut` does, and any further one; any thread."""
        self._adapter.abort()

    def close(self) -> None:
        """Close the idle connections."""
        self._session.close()


def _words_of(error: Exception) -> str:
    """Name the cause of a failure, without the classes that it was wrapped in on its way."""
    cause: BaseException = error
    wrapped = error.args[0] if error.args else None
    if isinstance(wrapped, MaxRetryError) and wrapped.reason is not None:
        cause = wrapped.reason.__cause__ or wrapped.reason
    elif isinstance(wrapped, ProtocolError) and isinstance(wrapped.args[-1], OSError):
        cause = wrapped.args[-1]
    return f"{type(cause).__name__}: {printable(str(cause), _WORDS)}"


def _body_of(response: requests.Response) -> bytes | None:
    """Read the whole body and unpack it; `None` if it is larger than any answer is."""
    packed = bytearray()
    while piece := response.raw.read(_PIECE, decode_content=False):
        packed += piece
        if len(packed) > MAX_BODY:
            return None
    encoding = response.headers.get("Content-Encoding", "identity").lower()
    if encoding == "identity":
        return bytes(packed)
    if encoding == "gzip":
        return _unpacked(bytes(packed))
    msg = f"expected a gzip body or a plain one, was {encoding!r:.20}"
    raise requests.exceptions.ContentDecodingError(msg)


def _unpacked(packed: bytes) -> bytes | None:
    unpacker = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
    try:
        body = unpacker.decompress(packed, MAX_BODY)
    except zlib.error as error:
        msg = f"expected a gzip body, was none ({error})"
        raise requests.exceptions.ContentDecodingError(msg) from error
    return body if unpacker.eof else None


def _read(
    response: requests.Response, body: bytes | None, market: Market, symbol: str, limit: int, date: float | None
) -> Snapshot:
    status = response.status_code
    now = time.time() if date is None else date
    pause = binance.read_not_now(status, response.headers.get("Retry-After"), body or b"", now)
    if pause is not None:
        msg = f"{symbol}: {market.name} answered {status}, {pause.words}: silent for {pause.seconds:.0f} s or longer"
        raise RateLimitedError(msg, status=status, retry_after=pause.seconds, longest=pause.longest)
    if body is None:
        msg = f"{symbol}: expected an answer of at most {MAX_BODY} bytes, was larger, or cut off within"
        raise SnapshotError(msg, status=status)
    if status == requests.codes.ok:
        return binance.parse_snapshot(binance.decode(body), limit, symbol)
    code, words = _error_body(body)
    if code in _INVALID_SYMBOL:
        elsewhere = "" if market == MARKETS.get(market.name) else f" at {market.rest_url}"
        msg = f"{market.name}{elsewhere} does not list {symbol!r} ({code}: {words})"
        raise UnknownSymbolError(msg)
    msg = f"{symbol}: {market.name} answered {status} {words}"
    raise SnapshotError(msg, status=status, code=code)


def _error_body(body: bytes) -> tuple[int | None, str]:
    try:
        message = binance.decode(body)
    except MalformedFrameError:
        return None, printable(body[:_WORDS].decode("utf-8", "replace"))
    code, words = message.get("code"), message.get("msg")
    return (code if isinstance(code, int) else None), (printable(words, _WORDS) if isinstance(words, str) else "")


def _is_number(text: str) -> bool:
    """Return whether a header is a whole number of a sane size."""
    return text.isascii() and text.isdigit() and len(text) <= _HEADER_DIGITS
