"""The exception names of python-binance, for programs written against it.

`from binance.exceptions import ...` becomes `from depthactors.exceptions import ...`. Their names are also
the `type` of error dicts. All are `DepthActorsError`s.
"""

from __future__ import annotations

from depthactors.errors import ExchangeError, LifecycleError, SnapshotError, StreamError


class BinanceWebsocketClosed(StreamError):  # noqa: N818 - their name
    """The connection ended; it is being made again."""


class BinanceWebsocketUnableToConnect(StreamError):  # noqa: N818
    """The tries to connect are used up; the stream is over."""


class BinanceWebsocketQueueOverflow(ExchangeError):  # noqa: N818
    """A callback was so slow that it was spared some updates; the book has them all."""


class ReadLoopClosed(LifecycleError):  # noqa: N818
    """There is nothing to receive any more: the manager was closed, or its stream is over."""


class BinanceAPIException(SnapshotError):  # noqa: N818
    """The exchange refused a REST request, for a reason with a `code`."""


class BinanceRequestException(SnapshotError):  # noqa: N818
    """A REST request without a readable answer."""


__all__ = [
    "BinanceAPIException",
    "BinanceRequestException",
    "BinanceWebsocketClosed",
    "BinanceWebsocketQueueOverflow",
    "BinanceWebsocketUnableToConnect",
    "ReadLoopClosed",
]
