"""What a callback and `recv` get beside depth caches: errors as the guide of python-binance has them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from depthactors.errors import (
    EscalatedError,
    MalformedFrameError,
    SlowCallbackError,
    SnapshotError,
    StreamError,
    UnknownSymbolError,
)
from depthactors.own_exceptions import (
    BinanceAPIException,
    BinanceRequestException,
    BinanceWebsocketClosed,
    BinanceWebsocketQueueOverflow,
    BinanceWebsocketUnableToConnect,
)

if TYPE_CHECKING:
    from depthactors.errors import DepthActorsError


def error_message(error: DepthActorsError | None) -> dict[str, Any] | None:
    """Return the error dict for an error; `None` for what is mended without a word (a gap)."""
    match error:
        case StreamError():
            kind: type[Exception] = BinanceWebsocketClosed
        case EscalatedError():
            kind = BinanceWebsocketUnableToConnect
        case UnknownSymbolError():
            kind = BinanceAPIException
        case SnapshotError(code=code):
            kind = BinanceRequestException if code is None else BinanceAPIException
        case SlowCallbackError():
            kind = BinanceWebsocketQueueOverflow
        case MalformedFrameError():
            kind = type(error)
        case _:
            return None
    return {"e": "error", "type": kind.__name__, "m": str(error)}
