"""The requests that this machine's address may still send, shared by all engines of the process.

The exchange counts by address, so two engines with a budget each would be refused together. They share this one.
Locks are held for arithmetic only. A worker process has no allowance of its own: it leases from the engine's process.
"""

from __future__ import annotations

import os
import random
import threading
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from depthactors.dispatcher import SYSTEM_CLOCK
from depthactors.pacing import RateWindow, RequestBlock, ServerClock, WeightBudget

if TYPE_CHECKING:
    from collections.abc import Callable

    from depthactors.dispatcher import Clock
    from depthactors.markets import Market

_CONNECTION_WINDOW: Final = 300.0
"""Seconds in which the exchange counts attempts to connect (spot's "WebSocket Streams": 300 in 5 minutes)."""
_CONNECTION_SHARE: Final = 0.9
"""Share of the attempts to use: the program may have websockets of its own."""


class WeightLevel(NamedTuple):
    """The use of a pool's weight.

    Attributes:
        used: weight used in the current minute by all programs behind the address, as far as known.
        per_minute: weight that the exchange allows in a minute.
        others: weight that other programs behind the address are expected to use in a minute.
        silent_for: seconds for which the exchange still forbids all requests.
    """

    used: int
    per_minute: int
    others: int
    silent_for: float


class Allowing(Protocol):
    """One pool's weight, and attempts to connect, counted here or in the engine's process. Thread: any."""

    def take_weight(self, weight: int, reserve: float = 0.0) -> float:
        """Take weight now and return 0, or take none and return the seconds to wait."""

    def note_answer(self, used: int | None, date: float | None, sent: float, received: float) -> None:
        """Learn from an answer."""

    def block_requests(self, seconds: float, longest: float = 0.0) -> None:
        """Block all requests for `seconds`; where that is a guess, for longer each time in a row, up to `longest`."""

    def block_connections(self, seconds: float, longest: float = 0.0) -> None:
        """Block all attempts to connect for `seconds`; a guess is longer each time in a row, up to `longest`."""

    def estimate(self, weight: int, reserve: float = 0.0) -> float:
        """Return the seconds until `weight` can have been spent."""

    def level(self) -> WeightLevel:
        """Return the use of the weight."""

    def take_connection(self) -> float:
        """Count an attempt to connect and return 0, or count none and return the seconds to wait."""


class Allowance:
    """One pool's weight, and attempts to connect, counted here. Thread: any."""

    def __init__(
        self,
        per_minute: int,
        connections: int,
        clock: Clock = SYSTEM_CLOCK,
        draw: Callable[[], float] = random.random,
    ) -> None:
        """Begin unspent.

        Args:
            per_minute: weight that the exchange allows in a minute.
            connections: attempts to connect that the exchange allows in five minutes.
            clock: this machine's time.
            draw: returns random numbers in [0, 1), which spread the load after a wait.
        """
        self._lock = threading.Lock()
        self._budget = WeightBudget(per_minute)
        self._server = ServerClock()
        self._request_block, self._connection_block = RequestBlock(), RequestBlock()
        self._connections = RateWindow(max(1, int(connections * _CONNECTION_SHARE)), _CONNECTION_WINDOW)
        self._monotonic, self._draw = clock.monotonic, draw
        # Read once: the exchange's minutes go on when this machine's clock is set.
        self._epoch = clock.time() - clock.monotonic()

    def take_weight(self, weight: int, reserve: float = 0.0) -> float:
        """Take weight now and return 0, or take none and return the seconds to wait; see `WeightBudget.take`."""
        with self._lock:
            return self._request_block.left(self._monotonic()) or self._budget.take(weight, self._now(), reserve)

    def note_answer(self, used: int | None, date: float | None, sent: float, received: float) -> None:
        """Correct the count by an answer of the exchange.

        Args:
            used: weight used in the minute, by the answer's header.
            date: seconds since the epoch, by the answer's header.
            sent: monotonic time at which the request was sent.
            received: monotonic time at which the answer was complete.
        """
        with self._lock:
            sent, received = sent + self._epoch, received + self._epoch
            if date is not None:
                self._server.observe(date, sent, received)
            if used is not None:
                self._budget.observe(used, sent + self._server.offset, received + self._server.offset)

    def block_requests(self, seconds: float, longest: float = 0.0) -> None:
        """Block all requests for `seconds`, as the exchange wants; see `pacing.RequestBlock`."""
        with self._lock:
            self._request_block.begin(seconds, longest, self._monotonic(), self._draw())

    def block_connections(self, seconds: float, longest: float = 0.0) -> None:
        """Block all attempts to connect for `seconds`, as the exchange wants; see `pacing.RequestBlock`."""
        with self._lock:
            self._connection_block.begin(seconds, longest, self._monotonic(), self._draw())

    def estimate(self, weight: int, reserve: float = 0.0) -> float:
        """Return the seconds until `weight` can have been spent."""
        with self._lock:
            return self._budget.estimate(weight, self._now(), reserve, self._request_block.left(self._monotonic()))

    def level(self) -> WeightLevel:
        """Return the use of the weight."""
        with self._lock:
            budget = self._budget
            silent_for = self._request_block.left(self._monotonic())
            return WeightLevel(budget.used, budget.per_minute, budget.expected_of_others, silent_for)

    def take_connection(self) -> float:
        """Count an attempt to connect and return 0, or count none and return the seconds to wait."""
        with self._lock:
            now = self._monotonic()
            return self._connection_block.left(now) or self._connections.take(now)

    def _now(self) -> float:
        return self._monotonic() + self._epoch + self._server.offset


_POOLS: Final = 256
"""Pools that are kept, the last ones used: the exchange has ten, and each local exchange one an address."""

_allowances: dict[str, Allowance] = {}
_registering = threading.Lock()


def allowance_of(market: Market) -> Allowance:
    """Return the allowance of a market's weight pool, the same for every engine of the process."""
    with _registering:
        # Moved to the end, so the first is the allowance that was not used for the longest time.
        allowance = _allowances.pop(market.weight_pool, None)
        if allowance is None:
            allowance = Allowance(market.weight_per_minute, market.connections)
        _allowances[market.weight_pool] = allowance
        while len(_allowances) > _POOLS:
            del _allowances[next(iter(_allowances))]
        return allowance


def forget_allowances() -> None:
    """Forget all allowances: in a fork, where the threads that hold a lock may not exist, and between tests."""
    global _registering  # noqa: PLW0603 - a fork replaces the lock, which its parent may hold
    _registering = threading.Lock()
    _allowances.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=forget_allowances)
