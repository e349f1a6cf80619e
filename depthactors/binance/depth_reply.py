"""What the answer to a REST depth request means: a snapshot, or the reason why there is none."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from depthactors.binance.envelope import decode
from depthactors.binance.error_body import ErrorBody, excerpt_of, parse_error
from depthactors.binance.not_now import read_not_now
from depthactors.binance.snapshot import Snapshot, parse_snapshot
from depthactors.errors import MalformedFrameError, RateLimitedError, SnapshotError, UnknownSymbolError, as_value
from depthactors.markets import MARKETS

if TYPE_CHECKING:
    from depthactors.binance.http_answer import HttpAnswer
    from depthactors.markets import Market

MAX_BODY: Final = 4 * 1024 * 1024
"""Bytes of an answer, unpacked: ten times the largest snapshot there is (5,000 levels a side)."""
_OK: Final = 200
_INVALID_SYMBOL: Final = frozenset({-1121, -1100})
"""Codes for a symbol that is not listed, and for one with characters that none has."""
_WEIGHT_HEADER: Final = "x-mbx-used-weight-1m"
_HEADER_DIGITS: Final = 9


@dataclass(frozen=True, slots=True)
class DepthReply:
    """What a depth request brought.

    Attributes:
        result: a snapshot, or the reason why there is none.
        used_weight: the weight that the pool has used in this minute, `None` if the answer does not say.
        date: the exchange's clock, whole seconds since the epoch, `None` if the answer does not say.
        sent: the time at which the request was sent, monotonic seconds; 0 without an answer.
        received: the time at which the answer had arrived, monotonic seconds; 0 without an answer.
        recv_time: the same in seconds since the epoch.
        body: the answer's text as it arrived, empty without a snapshot.
    """

    result: Snapshot | SnapshotError | MalformedFrameError | UnknownSymbolError
    used_weight: int | None = None
    date: float | None = None
    sent: float = 0.0
    received: float = 0.0
    recv_time: float = 0.0
    body: bytes = field(default=b"", repr=False)


def read_depth_reply(
    answer: HttpAnswer, market: Market, symbol: str, limit: int, *, sent: float, received: float, recv_time: float
) -> DepthReply:
    """Read an answer to a request for `limit` levels of `symbol`; O(levels). Failures are returned, not raised.

    The times are those of `DepthReply`; a waiting time that ends at a date is measured from `recv_time`, unless the
    answer has a date.
    """
    result: Snapshot | SnapshotError | MalformedFrameError | UnknownSymbolError
    try:
        result = _result_of(answer, market, symbol, limit, recv_time)
    except MalformedFrameError as error:
        result = as_value(error)
    body = (answer.body or b"") if isinstance(result, Snapshot) else b""
    return DepthReply(result, _used_weight(answer), answer.date, sent, received, recv_time, body)


def _result_of(
    answer: HttpAnswer, market: Market, symbol: str, limit: int, now: float
) -> Snapshot | SnapshotError | UnknownSymbolError:
    status = answer.status
    pause = read_not_now(answer, now)
    if pause is not None:
        wait = f"no request for {pause.seconds:.0f} s or longer"
        msg = f"{symbol}: {market.name} answered {status}, {pause.words}: {wait}"
        return RateLimitedError(msg, status=status, retry_after=pause.seconds, longest=pause.longest)
    if answer.body is None:
        msg = f"{symbol}: expected an answer of at most {MAX_BODY} bytes, was larger, or cut off within"
        return SnapshotError(msg, status=status)
    if status == _OK:
        return parse_snapshot(decode(answer.body), limit, symbol)
    error = _error_of(answer.body)
    if error.code in _INVALID_SYMBOL:
        elsewhere = "" if market == MARKETS.get(market.name) else f" at {market.rest_url}"
        return UnknownSymbolError(f"{market.name}{elsewhere} does not list {symbol!r} ({error})")
    return SnapshotError(f"{symbol}: {market.name} answered {status} {error.words}", status=status, code=error.code)


def _error_of(body: bytes) -> ErrorBody:
    try:
        return parse_error(decode(body))
    except MalformedFrameError:
        return ErrorBody(None, excerpt_of(body))


def _used_weight(answer: HttpAnswer) -> int | None:
    """Return the weight that the header says, if it is a whole number of a sane size."""
    text = answer.headers.get(_WEIGHT_HEADER, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _HEADER_DIGITS else None
