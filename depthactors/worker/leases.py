"""What a worker process may request from the exchange: leased, request by request, from the engine's process.

The exchange counts by address, so there is one budget for all processes. Each call here is a message to the engine's
process, which keeps the budget. Without an answer nothing is taken.
"""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Any, Final

import pykka

from depthactors import reporting
from depthactors.dispatcher.future import DispatchedFuture
from depthactors.dispatcher.guarded import Guarded
from depthactors.net.allowance import WeightLevel
from depthactors.shards.messages import AllowanceCall

if TYPE_CHECKING:
    from depthactors.markets import Market
    from depthactors.net.network import Network
    from depthactors.shards.messages import Answer
    from depthactors.worker.outbox import Outbox

logger = reporting.logger(__name__)

_ANSWER_TIMEOUT: Final = 2.0
"""Seconds for the engine's process to answer."""
_ASK_AGAIN: Final = 1.0
"""Seconds to wait if no answer came: the engine's process is busy, or gone."""


class Leases:
    """Calls of the allowances in the engine's process. Thread: any."""

    def __init__(self, outbox: Outbox) -> None:
        """Call through this outbox."""
        self._outbox = outbox
        self._request_ids = count(1)
        self._asked: Guarded[dict[int, pykka.Future[Any]]] = Guarded({})

    def allowance_of(self, market: Market) -> LeasedAllowance:
        """Return the allowance of a market's weight pool."""
        return LeasedAllowance(market, self)

    def ask(self, market: Market, method: str, *arguments: Any) -> Any:
        """Call a method of an allowance, and return what it returns; `None` if no answer comes in time."""
        request_id = next(self._request_ids)
        future: pykka.Future[Any] = DispatchedFuture()
        with self._asked as asked:
            asked[request_id] = future
        message = AllowanceCall(request_id, market, method, arguments)
        self._outbox.put(message)
        try:
            return future.get(timeout=_ANSWER_TIMEOUT)
        except pykka.Timeout:
            # Otherwise weight would be taken for a request that is not made.
            self._outbox.withdraw(message)
            logger.warning("! the engine's process did not say within %g s what may be requested", _ANSWER_TIMEOUT)
            return None
        finally:
            with self._asked as asked:
                asked.pop(request_id, None)

    def notify(self, market: Market, method: str, *arguments: Any) -> None:
        """Call a method of an allowance without waiting for it."""
        self._outbox.put(AllowanceCall(0, market, method, arguments))

    def take_answer(self, answer: Answer) -> None:
        """Give an answer to the thread that waits for it. Thread: the receiving one."""
        with self._asked as asked:
            future = asked.pop(answer.request_id, None)
        if future is not None:
            future.set(answer.value)


class LeasedAllowance:
    """The allowance of one weight pool, as `net.allowance.Allowance` has it. Thread: any; a call takes some 200 us."""

    def __init__(self, market: Market, leases: Leases) -> None:
        """Lease for a market's pool."""
        self._market = market
        self._leases = leases

    def take_weight(self, weight: int, reserve: float = 0.0) -> float:
        """Take weight now and return 0, or take none and return the seconds to wait."""
        return self._seconds("take_weight", weight, reserve)

    def take_connection(self) -> float:
        """Count an attempt to connect and return 0, or count none and return the seconds to wait."""
        return self._seconds("take_connection")

    def note_answer(self, used: int | None, date: float | None, sent: float, received: float) -> None:
        """Pass on the used weight and the time that an answer of the exchange named."""
        self._leases.notify(self._market, "note_answer", used, date, sent, received)

    def block_requests(self, seconds: float, longest: float = 0.0) -> None:
        """Block all requests of all processes for `seconds`."""
        self._leases.notify(self._market, "block_requests", seconds, longest)

    def block_connections(self, seconds: float, longest: float = 0.0) -> None:
        """Block all attempts of all processes to connect for `seconds`."""
        self._leases.notify(self._market, "block_connections", seconds, longest)

    def estimate(self, weight: int, reserve: float = 0.0) -> float:
        """Return the seconds until `weight` can have been spent, if no other client spends."""
        return self._seconds("estimate", weight, reserve)

    def level(self) -> WeightLevel:
        """Return the weight that all processes have used."""
        answer = self._leases.ask(self._market, "level")
        return WeightLevel(0, self._market.weight_per_minute, 0, 0.0) if answer is None else WeightLevel(*answer)

    def _seconds(self, method: str, *arguments: float) -> float:
        answer = self._leases.ask(self._market, method, *arguments)
        return _ASK_AGAIN if answer is None else float(answer)


class LeasedNetwork:
    """A network whose allowance is leased: a `Network`."""

    def __init__(self, network: Network, leases: Leases) -> None:
        """Connect and fetch by `network`, and spend what is leased."""
        self.stream, self.fetcher = network.stream, network.fetcher
        self.allowance = leases.allowance_of
