"""What this machine's address may still ask of the exchange, shared by all engines of the process.

The exchange counts by address, so two engines that each kept to a budget of their own would be refused
together. Here is the one place that both ask. Locks are held for arithmetic only. A worker process of an
engine has none of its own: it leases from the engine's.
"""

from __future__ import annotations

import os
import random
import threading
import time
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from depthactors.pacing import RateWindow, RequestBlock, ServerClock, WeightBudget

if TYPE_CHECKING:
    from collections.abc import Callable

    from depthactors.markets import Market

_CONNECTION_WINDOW: Final = 300.0
"""Seconds in which the exchange counts attempts to connect (spot's "WebSocket Streams": 300 in 5 minutes)."""
_CONNECTION_SHARE: Final = 0.9
"""Share of them to use: the host program may have websockets of its own."""


class WeightLevel(NamedTuple):
    """How much of a pool's weight is spent.

    Attributes:
        used: in the current minute, by everybody behind the address, as far as known.
        per_minute: what the exchange allows.
        others: what others behind the address are expected to use in a minute.
        silent_for: seconds for which the exchange still wants to be left alone.
    """

    used: int
    per_minute: int
    others: int
    silent_for: float


class Allowing(Protocol):
    """One pool's weight, and attempts to connect, wherever they are counted. Any thread."""

    def take_weight(self, weight: int, reserve: float = 0.0) -> float:
        """Take weight now and return 0, or take none and return the seconds to wait."""

    def note_answer(self, used: int | None, date: float | None, sent: float, received: float) -> None:
        """Learn from an answer."""

    def silence(self, seconds: float, longest: float = 0.0) -> None:
        """Block all requests for `seconds`, and longer when that is said again and again."""

    def silence_connections(self, seconds: float, longest: float = 0.0) -> None:
        """Block all attempts to connect for `seconds`, and longer when that is said again and again."""

    def estimate(self, weight: int, reserve: float = 0.0) -> float:
        """Return the seconds until `weight` can have been spent."""

    def level(self) -> WeightLevel:
        """Return how much is spent."""

    def take_connection(self) -> float:
        """Count an attempt to connect and return 0, or count none and return the seconds to wait."""


class Allowance:
    """One pool's weight, and attempts to connect, counted here. Any thread."""

    def __init__(
        self,
        per_minute: int,
        connections: int,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begin unspent.

        Args:
            per_minute: weight.
            connections: attempts that the exchange takes in five minutes.
            clock: seconds since the epoch, by this machine.
            monotonic: seconds.
        """
        self._lock = threading.Lock()
        self._budget = WeightBudget(per_minute)
        self._server = ServerClock()
        self._silence, self._connection_silence = RequestBlock(), RequestBlock()
        self._connections = RateWindow(max(1, int(connections * _CONNECTION_SHARE)), _CONNECTION_WINDOW)
        self._monotonic = monotonic
        # Looked at once: when this machine's clock is set, the exchange's minutes go on.
        self._epoch = clock() - monotonic()

    def take_weight(self, weight: int, reserve: float = 0.0) -> float:
        """Take weight now and return 0, or take none and return the seconds to wait; see `WeightBudget.take`."""
        with self._lock:
            return self._silence.left(self._monotonic()) or self._budget.take(weight, self._now(), reserve)

    def note_answer(self, used: int | None, date: float | None, sent: float, received: float) -> None:
        """Learn from an answer.

        Args:
            used: weight of the minute, by the answer's header.
            date: seconds since the epoch, by the answer's header.
            sent: monotonic seconds at which the request was sent.
            received: monotonic seconds at which the answer had come.
        """
        with self._lock:
            sent, received = sent + self._epoch, received + self._epoch
            if date is not None:
                self._server.observe(date, sent, received)
            if used is not None:
                self._budget.observe(used, sent + self._server.offset, received + self._server.offset)

    def silence(self, seconds: float, longest: float = 0.0) -> None:
        """Block all requests for `seconds`, as the exchange wants; see `pacing.RequestBlock`."""
        with self._lock:
            self._silence.begin(seconds, longest, self._monotonic(), random.random())  # noqa: S311 - spreads load

    def silence_connections(self, seconds: float, longest: float = 0.0) -> None:
        """Block all attempts to connect for `seconds`, as the exchange wants; see `pacing.RequestBlock`."""
        with self._lock:
            self._connection_silence.begin(seconds, longest, self._monotonic(), random.random())  # noqa: S311 - spreads load

    def estimate(self, weight: int, reserve: float = 0.0) -> float:
        """Return the seconds until `weight` can have been spent."""
        with self._lock:
            return self._budget.estimate(weight, self._now(), reserve, self._silence.left(self._monotonic()))

    def level(self) -> WeightLevel:
        """Return how much is spent."""
        with self._lock:
            budget = self._budget
            silent_for = self._silence.left(self._monotonic())
            return WeightLevel(budget.used, budget.per_minute, budget.expected_of_others, silent_for)

    def take_connection(self) -> float:
        """Count an attempt to connect and return 0, or count none and return the seconds to wait."""
        with self._lock:
            now = self._monotonic()
            return self._connection_silence.left(now) or self._connections.take(now)

    def _now(self) -> float:
        return self._monotonic() + self._epoch + self._server.offset


def _counted_here(market: Market) -> Allowing:
    return Allowance(market.weight_per_minute, market.connections)


_POOLS: Final = 256
"""Pools that are known at once, the latest asked for: of the exchange there are ten, of local ones one an address."""

_allowances: dict[str, Allowing] = {}
_registering = threading.Lock()
_new: Callable[[Market], Allowing] = _counted_here


def allowance_of(market: Market) -> Allowing:
    """Return the allowance of a market's weight pool; the same one for every engine of the process."""
    with _registering:
        # Put at the end: those in front have not been asked for in the longest time.
        allowance = _allowances.pop(market.weight_pool, None) or _new(market)
        _allowances[market.weight_pool] = allowance
        while len(_allowances) > _POOLS:
            del _allowances[next(iter(_allowances))]
        return allowance


def lease_allowances(new: Callable[[Market], Allowing]) -> None:
    """Let other allowances than those counted here hold for the whole process, which is a worker."""
    global _new  # noqa: PLW0603 - a process is a worker, or is none
    _new = new


def forget_allowances() -> None:
    """Begin anew: in a fork, whose locks may be held by threads that do not exist there, and between tests."""
    global _registering  # noqa: PLW0603 - a fork's lock is replaced, not waited for
    _registering = threading.Lock()
    _allowances.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=forget_allowances)
