"""A client with its symbols on an exchange, a process each, and how the rate that it sustains is found."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, NamedTuple

from tests.bench.bisection import highest
from tests.bench.exchange import HERE, ROOT, Exchange
from tests.bench.processes import Program
from tests.bench.window import Window

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Self

STARTING = 120.0
RATE = 1000.0
"""Frames a second from the start on, at which all clients are compared."""
LEAST, MOST = 100.0, 60_000.0
WARM_UP = 5.0
"""Seconds until books have as many levels as their market needs, and caches are filled."""
SETTLE = 1.0
RECOVERING = 3
"""Chances of a client that was overrun to come to itself again; then a new one takes its place."""


class Contestant(NamedTuple):
    """A client, as it is started.

    Attributes:
        name: as tables show it.
        script: the client's program in `clients/`.
        python: its interpreter.
        checkout: the folder whose package it imports; `None` for a client that needs none of ours.
    """

    name: str
    script: str
    python: Path | str = sys.executable
    checkout: Path | str | None = ROOT


class Plan(NamedTuple):
    """How long and how often everything is measured.

    Attributes:
        seconds: length of a measurement.
        repeat: number of rounds.
        precision: the next higher rate that failed is at most this part above the sustained one.
    """

    seconds: float = 3.0
    repeat: int = 5
    precision: float = 0.05


class Client(Program):
    """One client with its symbols on one exchange."""

    def __init__(self, contestant, exchange) -> None:
        script = HERE / "clients" / f"{contestant.script}.py"
        super().__init__([contestant.python, script, exchange.port, *exchange.symbols], path=contestant.checkout)
        self._exchange = exchange
        self._rate = RATE

    def measure(self, rate, seconds, *, settle=SETTLE) -> Window:
        """Measure at a rate, when the client has had `settle` seconds of it."""
        if rate != self._rate:
            self._exchange.play(rate)
            # Each symbol's next event still comes at the rate of before.
            settle = max(settle, 2.0 * len(self._exchange.symbols) / self._rate)
            self._rate = rate
        return self.hear_window(settle, seconds)

    def hear_window(self, settle, seconds) -> Window:
        """Measure without a change of the rate; without `settle` (`None`) since the client's start."""
        self.tell(json.dumps([settle, seconds]))
        told = self.hear((settle or 0.0) + seconds + STARTING)
        return Window(self._rate, self._exchange.made(told["begin_us"], told["end_us"]), told)

    def recovers(self) -> bool:
        """Whether the client holds a low rate again, soon after one that it did not hold."""
        calm = max(LEAST, self._rate / 4)
        return any(self.measure(calm, 0.5, settle=0.5).holds for _ in range(RECOVERING))


class Visit:
    """One contestant's turn: first at the rate that all clients have in common, then at the highest that it sustains.

    Leaving the `with` statement ends exchange and client.

    Attributes:
        usual: the window at `RATE`.
        best: the window at the highest rate that held; `None` if none did.
        failed: the latest window that did not hold; `None` if all did.
    """

    def __init__(self, contestant, books, plan) -> None:
        self._contestant = contestant
        self._books = books
        self._plan = plan
        self._exchange = self._client = None
        self._new()
        self.usual = self._client.measure(RATE, plan.seconds, settle=WARM_UP)
        self.best: Window | None = None
        self.failed: Window | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        for process in (self._client, self._exchange):
            if process is not None:
                process.__exit__()
        self._exchange = self._client = None

    def climb(self, hint=None) -> float:
        """Return the frames a second that are sustained; `hint` is what they were in an earlier round."""
        start, step = (2 * RATE, 2.0) if hint is None else (hint, 1.25)
        return highest(self._holds, start, least=LEAST, most=MOST, step=step, precision=self._plan.precision)

    def _holds(self, rate):
        # A rate fails twice, unless it fails by far: something else on the machine may have disturbed the first time.
        window = self._try(rate)
        if not window.holds and window.may_hold:
            window = self._try(rate)
        if not window.holds:
            self.failed = window
        elif self.best is None or rate > self.best.rate:
            self.best = window
        return window.holds

    def _try(self, rate):
        window = self._client.measure(rate, self._plan.seconds)
        if not window.holds and not self._client.recovers():
            self._new()
        return window

    def _new(self):
        self.__exit__()
        try:
            self._exchange = Exchange(self._books, RATE).__enter__()
            self._client = Client(self._contestant, self._exchange)
            self._client.hear(STARTING)
        except BaseException:
            self.__exit__()
            raise
