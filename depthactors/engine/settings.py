"""The settings of an engine, checked where they are given."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Any, Final, TypedDict

from depthactors.errors import UsageError
from depthactors.net.proxy import parse_proxy
from depthactors.net.settings import NetworkSettings
from depthactors.pacing import USUAL, Backoff, Timing
from depthactors.pacing.seconds import check_seconds

if TYPE_CHECKING:
    import os
    from collections.abc import Callable

    from depthactors.errors import DepthActorsError
    from depthactors.recording import RecordTo

_FACTOR_IF_LIMITED: Final = 4.0
"""Factor from one wait to the next if the number of tries is limited: five take half a minute, as in python-binance."""


class Settings(TypedDict, total=False):
    """The settings of an engine, except its market and number type, as type checkers see them."""

    speed_ms: int
    refresh_interval: float | None
    max_reconnects: int | None
    proxy: str | None
    connect_timeout: float
    read_timeout: float
    silence_limit: float
    rotate_after: float | None
    on_error: Callable[[DepthActorsError], None] | None
    name: str | None
    processes: int | None
    record: str | os.PathLike[str] | RecordTo | None


def network_settings(
    *,
    max_reconnects: int | None,
    proxy: str | None,
    connect_timeout: float,
    read_timeout: float,
    silence_limit: float,
    rotate_after: float | None,
    timing: Timing = USUAL,
) -> NetworkSettings:
    """Check the settings of the network; arguments as for `DepthEngine`, and the timing.

    Raises:
        UsageError: a setting is not allowed; the message has its name and value.
    """
    check_seconds("connect_timeout", connect_timeout)
    check_seconds("read_timeout", read_timeout)
    check_seconds("silence_limit", silence_limit)
    if rotate_after is not None:
        check_seconds("rotate_after", rotate_after)
    if max_reconnects is not None and (type(max_reconnects) is not int or max_reconnects < 0):
        msg = f"expected max_reconnects as a number of tries or None, was {max_reconnects!r}"
        raise UsageError(msg)
    return NetworkSettings(
        backoff=Backoff() if max_reconnects is None else Backoff(tries=max_reconnects, factor=_FACTOR_IF_LIMITED),
        proxy=None if proxy is None else parse_proxy(proxy),
        connect_timeout=connect_timeout,
        read_timeout=read_timeout,
        silence_limit=silence_limit,
        rotate_after=rotate_after,
        timing=timing,
    )


def check_interval(seconds: Any) -> None:
    """Check a refresh interval; `None` and 0 mean that there are no refreshes.

    Raises:
        UsageError: not a number of seconds, negative, or not finite; the message has the value.
    """
    if seconds is None or seconds == 0 or (type(seconds) in {int, float} and 0 < seconds < inf):
        return
    msg = f"expected refresh_interval in seconds, or 0 or None for no refreshes, was {seconds!r}"
    raise UsageError(msg)


def check_processes(processes: Any) -> None:
    """Check a number of worker processes; `None` means that the books are in this process.

    Raises:
        UsageError: not a whole number above zero, or there can be no workers in this program.
    """
    if processes is not None and (type(processes) is not int or processes < 1):
        msg = f"expected a number of worker processes of at least 1 or None, was {processes!r}"
        raise UsageError(msg)
    if processes is not None:
        from depthactors.shards.interpreter import check_possible  # noqa: PLC0415 - only needed with workers

        check_possible()
