"""REST depth requests, with failures as values, and a limit on the size of an answer."""

from __future__ import annotations

import zlib
from http.client import HTTPException
from typing import TYPE_CHECKING, Final

import requests

from depthactors import binance
from depthactors.binance.depth_reply import MAX_BODY, DepthReply
from depthactors.binance.http_answer import HttpAnswer
from depthactors.dispatcher import SYSTEM_CLOCK
from depthactors.errors import SnapshotError, as_value
from depthactors.net.adapter import CuttableAdapter
from depthactors.net.proxy import proxy_for
from depthactors.reporting import printable
from depthactors.version import VERSION

if TYPE_CHECKING:
    from depthactors.markets import Market
    from depthactors.net.settings import NetworkSettings

_HEADERS: Final = {"Accept-Encoding": "gzip", "User-Agent": f"depthactors/{VERSION}"}
_PIECE: Final = 64 * 1024
_WORDS: Final = 200
"""Characters of the other side's answer that are repeated in an error."""


class RestClient:
    """Fetches depth snapshots. Thread: one uses it; any thread may `cut` and `abort`.

    No redirect is followed, no cookie kept, no `.netrc` read: the exchange needs none of them.
    """

    def __init__(self, settings: NetworkSettings) -> None:
        """Open no connection before the first request."""
        self._proxy = settings.proxy
        self._adapter = CuttableAdapter(settings.proxy, settings.connect_timeout, settings.read_timeout)

    def fetch_depth(self, market: Market, symbol: str, limit: int, request_id: int = 0) -> DepthReply:
        """Fetch one snapshot; failures are returned, not raised.

        Blocks for at most `connect_timeout`, and then `read_timeout` between any two bytes. `cut` with the id
        `request_id` ends it at once, but for the look-up of a name.
        """
        url = f"{market.rest_url}{market.depth_path}"
        sent, through = SYSTEM_CLOCK.monotonic(), ""
        try:
            proxy = proxy_for(url, self._proxy)
            through = "" if proxy is None else f" through the proxy {proxy}"
            wanted = requests.Request("GET", url, _HEADERS, params={"symbol": symbol, "limit": str(limit)})
            self._adapter.begin(request_id)
            # By the adapter itself: a session would follow redirects and keep cookies.
            with self._adapter.send(wanted.prepare()) as response:
                answer = HttpAnswer(response.status_code, response.headers, _body_of(response))
        except (HTTPException, OSError, ValueError) as error:
            words = f"{type(error).__name__}: {printable(str(error), _WORDS)}"
            failure = SnapshotError(f"{symbol}: no answer from {url}{through}: {words}")
            failure.__cause__ = error
            return DepthReply(as_value(failure))
        return binance.read_depth_reply(
            answer, market, symbol, limit, sent=sent, received=SYSTEM_CLOCK.monotonic(), recv_time=SYSTEM_CLOCK.time()
        )

    def cut(self, request_id: int = 0) -> None:
        """Make the request of that id fail, at once or after the look-up of its name. Thread: any."""
        self._adapter.cut(request_id)

    def abort(self) -> None:
        """Make the running request fail, as `cut` does, and any further one. Thread: any."""
        self._adapter.abort()

    def close(self) -> None:
        """Close the idle connections."""
        self._adapter.close()


def _body_of(response: requests.Response) -> bytes | None:
    """Read the whole body and unpack it; `None` if it is larger than any answer is, or packed and cut off within."""
    packed = bytearray()
    while piece := response.raw.read(_PIECE):
        packed += piece
        if len(packed) > MAX_BODY:
            return None
    encoding = response.headers.get("Content-Encoding", "identity").lower()
    if encoding == "identity":
        return bytes(packed)
    if encoding == "gzip":
        return _unpacked(bytes(packed))
    msg = f"expected a gzip body or a plain one, was {encoding!r:.20}"
    raise HTTPException(msg)


def _unpacked(packed: bytes) -> bytes | None:
    unpacker = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
    try:
        body = unpacker.decompress(packed, MAX_BODY)
    except zlib.error as error:
        msg = f"expected a gzip body, was none ({error})"
        raise HTTPException(msg) from error
    return body if unpacker.eof else None
