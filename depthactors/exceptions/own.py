"""Our classes under python-binance's exception names; programs import them from `depthactors.exceptions`."""

from __future__ import annotations

import sys
from functools import cache

from depthactors.errors import DepthActorsError, ExchangeError, LifecycleError, SnapshotError, StreamError

THEIRS = "binance.exceptions"
"""Module of python-binance's own classes."""


class BinanceWebsocketClosed(StreamError):  # noqa: N818 - their name
    """The connection ended; a new one is being made."""


class BinanceWebsocketUnableToConnect(StreamError):  # noqa: N818
    """The tries to connect are used up; the stream is over."""


class BinanceWebsocketQueueOverflow(ExchangeError):  # noqa: N818
    """A callback was so slow that it was not called for some updates; the book has them all."""


class ReadLoopClosed(LifecycleError):  # noqa: N818
    """No more messages: the manager was closed, or its stream has ended."""


class BinanceAPIException(SnapshotError):  # noqa: N818
    """The exchange refused a REST request, for a reason with a `code`."""


class BinanceRequestException(SnapshotError):  # noqa: N818
    """A REST request without a readable answer."""


class BinanceOrderException(DepthActorsError):  # noqa: N818
    """An order was refused; raised by python-binance alone, since this package sends no orders."""


def read_loop_closed(message: str) -> ReadLoopClosed:
    """Return a `ReadLoopClosed` that `except` clauses of both libraries catch."""
    # A program that catches python-binance's class has imported it.
    theirs = getattr(sys.modules.get(THEIRS), ReadLoopClosed.__name__, None)
    kind = ReadLoopClosed if theirs is None else _of_both(theirs)
    return kind(message)


@cache
def _of_both(theirs: type[Exception]) -> type[ReadLoopClosed]:
    # Pickle cannot find this class by its name.
    namespace = {"__module__": __name__, "__doc__": ReadLoopClosed.__doc__, "__reduce__": _reduce}
    return type(ReadLoopClosed.__name__, (ReadLoopClosed, theirs), namespace)


def _reduce(error: BaseException) -> tuple[object, ...]:
    return read_loop_closed, error.args
