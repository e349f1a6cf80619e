"""Our classes under python-binance's exception names; `depthactors.exceptions` is their door."""

from __future__ import annotations

import sys
from functools import cache

from depthactors.errors import DepthActorsError, ExchangeError, LifecycleError, SnapshotError, StreamError

THEIRS = "binance.exceptions"
"""Where python-binance has its own."""


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


class BinanceOrderException(DepthActorsError):  # noqa: N818
    """An order was refused; no order is sent from here, so only python-binance raises it."""


def read_loop_closed(message: str) -> ReadLoopClosed:
    """Return a `ReadLoopClosed` that `except` clauses of both libraries catch."""
    # Who names python-binance's class has imported it.
    theirs = getattr(sys.modules.get(THEIRS), ReadLoopClosed.__name__, None)
    kind = ReadLoopClosed if theirs is None else _of_both(theirs)
    return kind(message)


@cache
def _of_both(theirs: type[Exception]) -> type[ReadLoopClosed]:
    # By its name alone it could not be found by pickle, which the one without theirs can.
    namespace = {"__module__": __name__, "__doc__": ReadLoopClosed.__doc__, "__reduce__": _reduce}
    return type(ReadLoopClosed.__name__, (ReadLoopClosed, theirs), namespace)


def _reduce(error: BaseException) -> tuple[object, ...]:
    return read_loop_closed, error.args
