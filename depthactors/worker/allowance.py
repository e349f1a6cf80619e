"""What a worker process may ask of the exchange: leased, request by request, from the engine's process.

The exchange counts by address, so there is one budget, however many processes there are. Each call here is a message to
the one that keeps it; where no answer comes in time nothing is taken for granted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from depthactors.net.allowance import WeightLevel

if TYPE_CHECKING:
    from collections.abc import Callable

    from depthactors.markets import Market

_ASK_AGAIN: Final = 1.0
"""Seconds to wait where the answer did not come: the engine's process is busy, or gone."""


class LeasedAllowance:
    """The allowance of one weight pool, as `net.allowance.Allowance` has it. Any thread; a call takes some 200 us."""

    def __init__(self, market: Market, ask: Callable[..., Any], tell: Callable[..., None]) -> None:
        """Lease through these.

        Args:
            market: of the pool.
            ask: takes market, method and arguments; returns what the method returns there, `None` if no answer came.
            tell: the same without waiting.
        """
        self._market = market
        self._ask = ask
        self._tell = tell

    def take_weight(self, weight: int, reserve: float = 0.0) -> float:
        """Take weight now and return 0, or take none and return the seconds to wait."""
        return self._seconds("take_weight", weight, reserve)

    def take_connection(self) -> float:
        """Count an attempt to connect and return 0, or count none and return the seconds to wait."""
        return self._seconds("take_connection")

    def note_answer(self, used: int | None, date: float | None, sent: float, received: float) -> None:
        """Pass on what an answer of the exchange said of weight and time."""
        self._tell(self._market, "note_answer", used, date, sent, received)

    def silence(self, seconds: float, longest: float = 0.0) -> None:
        """Block all requests of all processes for `seconds`."""
        self._tell(self._market, "silence", seconds, longest)

    def silence_connections(self, seconds: float, longest: float = 0.0) -> None:
        """Block all attempts of all processes to connect for `seconds`."""
        self._tell(self._market, "silence_connections", seconds, longest)

    def estimate(self, weight: int, reserve: float = 0.0) -> float:
        """Return the seconds until `weight` can have been spent, if nobody else spends."""
        return self._seconds("estimate", weight, reserve)

    def level(self) -> WeightLevel:
        """Return how much is spent, by all processes."""
        answer = self._ask(self._market, "level")
        return WeightLevel(0, self._market.weight_per_minute, 0, 0.0) if answer is None else WeightLevel(*answer)

    def _seconds(self, method: str, *arguments: float) -> float:
        answer = self._ask(self._market, method, *arguments)
        return _ASK_AGAIN if answer is None else float(answer)
