"""REST depth requests: one session, bounds on all that comes back, and failures with types."""

from __future__ import annotations

import time
import zlib
from http.cookiejar import DefaultCookiePolicy
from typing import TYPE_CHECKING, Final

import requests
from urllib3.exceptions import HTTPError, MaxRetryError, ProtocolError

from depthactors import binance, reporting
from depthactors.binance.depth_reply import MAX_BODY, DepthReply
from depthactors.errors import SnapshotError, UsageError, as_value
from depthactors.net.abort import AbortableAdapter
from depthactors.net.proxy import proxy_for
from depthactors.reporting import printable

if TYPE_CHECKING:
    from depthactors.markets import Market
    from depthactors.net.settings import NetworkSettings

logger = reporting.logger(__name__)

_PIECE: Final = 64 * 1024
_WORDS: Final = 200
"""Characters of what the other side says that are repeated in an error."""


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
        answer = binance.HttpAnswer(response.status_code, response.headers, body)
        return binance.read_depth_reply(
            answer, market, symbol, limit, sent=sent, received=time.monotonic(), recv_time=time.time()
        )

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
