"""A dispatcher without threads and without a clock: time and order come from a seed.

Everything runs in the thread that calls `run_for` or `run_until`, one turn after the other. Which of the ready tasks
has its turn next is drawn. Time passes between turns, a little at a time, and from timer to timer when nothing is
ready. So a run is its seed: the same seed gives the same turns at the same times.

A function that waits, such as a callback that asks an actor, waits by running the others (`let_others_run`).
"""

from __future__ import annotations

from functools import partial
from heapq import heappop, heappush
from itertools import count
from math import inf
from random import Random
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from depthactors.dispatcher.current import register, unregister
from depthactors.dispatcher.dispatcher import Dispatcher
from depthactors.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Self

    from depthactors.dispatcher.dispatcher import Runnable, TakesTimers

BEGINNING: Final = 1_790_000_000.0
"""Seconds since the epoch at which a simulation begins."""
_LONGEST_TURN: Final = 2e-4
"""Seconds that pass in a turn at most; how many they are is drawn."""
_DEEPEST: Final = 40
"""Number of waits within each other: each takes some room on the interpreter's stack."""

_Due: TypeAlias = "tuple[float, int, SimulatedDispatcher | None, Callable[[], None]]"
"""The time, the order among equal times, the dispatcher whose standstill delays it, and the function to call."""


class Simulation:
    """The time and the order of one or several dispatchers, each of which stands for a process.

    Thread: one, which enters it (`with`).

    Attributes:
        steps: number of turns so far.
        on_turn: called before each turn with its task.
        after_step: called after each turn, each timer, and each action of `after`.
        task: the task that has its turn now.
    """

    def __init__(self, seed: int) -> None:
        """Begin at the time 0."""
        self.steps = 0
        self.on_turn: Callable[[Runnable], None] | None = None
        self.after_step: Callable[[], None] | None = None
        self.task: Runnable | None = None
        self._now = 0.0
        # Apart from each other: how many numbers actors draw does not change the order of the turns.
        self._order = Random(f"{seed}/order").random  # noqa: S311 - it guards nothing
        self.draw = Random(f"{seed}/actors").random  # noqa: S311
        self._serial = count()
        self._due: list[_Due] = []
        self._ready: list[tuple[SimulatedDispatcher, Runnable]] = []
        self._depth = 0

    def __enter__(self) -> Self:
        """Have waits of the calling thread run the simulation."""
        register(self)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        unregister()

    def monotonic(self) -> float:
        """Return the seconds since the beginning."""
        return self._now

    def time(self) -> float:
        """Return the seconds since the epoch."""
        return BEGINNING + self._now

    def after(self, seconds: float, action: Callable[[], None]) -> None:
        """Call a function in `seconds`, not within this call. It belongs to no dispatcher, so none holds it up."""
        self._call_at(self._now + max(0.0, seconds), None, action)

    def run_for(self, seconds: float) -> None:
        """Let time pass: more than `seconds` if a task that waits within this call ends later."""
        self._run(lambda: False, self._now + seconds)

    def run_until(self, is_over: Callable[[], bool], timeout: float) -> bool:
        """Let time pass until `is_over()`, for `timeout` seconds at most; returns whether it is."""
        self._run(is_over, self._now + timeout)
        return is_over()

    def let_others_run(self, is_over: Callable[[], bool], timeout: float | None) -> float | None:
        """Run the others while the calling task waits.

        Raises:
            UsageError: too many tasks wait within each other.
        """
        if self._depth >= _DEEPEST:
            msg = f"expected at most {_DEEPEST} waits within each other in a simulation, was one more"
            raise UsageError(msg)
        self._run(is_over, inf if timeout is None else self._now + timeout)
        return 0.0

    def _run(self, is_over: Callable[[], bool], until: float) -> None:
        task, self._depth = self.task, self._depth + 1
        try:
            while not is_over() and self._step(until):
                pass
        finally:
            self.task, self._depth = task, self._depth - 1

    def _step(self, until: float) -> bool:
        """Give a task its turn, or let time pass; returns whether time `until` is still to come."""
        while self._due and self._due[0][0] <= self._now:
            self._fire(heappop(self._due))
        if self._now >= until:
            return False
        if self._ready:
            self._take_turn()
        else:
            self._now = min(until, self._due[0][0]) if self._due else until
            # False if the wait has no end, and there is no timer that could end it.
            return self._now < inf
        return True

    def _take_turn(self) -> None:
        ready = self._ready
        number = int(len(ready) * self._order())
        dispatcher, task = ready[number]
        ready[number] = ready[-1]
        ready.pop()
        if dispatcher.held_until > self._now:
            # Its process stands still.
            self._call_at(dispatcher.held_until, None, lambda: ready.append((dispatcher, task)))
            return
        if self.on_turn is not None:
            self.on_turn(task)
        self.task = task
        self.steps += 1
        task.run()
        self.task = None
        self._now += _LONGEST_TURN * self._order()
        if self.after_step is not None:
            self.after_step()

    def _fire(self, due: _Due) -> None:
        _, _, dispatcher, action = due
        if dispatcher is not None and dispatcher.held_until > self._now:
            self._call_at(dispatcher.held_until, dispatcher, action)
            return
        action()
        if self.after_step is not None:
            self.after_step()

    def _call_at(self, at: float, dispatcher: SimulatedDispatcher | None, action: Callable[[], None]) -> None:
        heappush(self._due, (at, next(self._serial), dispatcher, action))

    # For the dispatchers.

    def put(self, dispatcher: SimulatedDispatcher, task: Runnable) -> None:
        """Mark a task as ready."""
        self._ready.append((dispatcher, task))

    def set_timer(self, dispatcher: SimulatedDispatcher, seconds: float, target: TakesTimers, message: Any) -> None:
        """Set a timer."""
        self._call_at(self._now + max(0.0, seconds), dispatcher, partial(target.put_due, message))


class SimulatedDispatcher(Dispatcher):
    """Runs tasks in simulated time, in an order drawn from a seed.

    Thread: the simulation's.

    Attributes:
        simulation: what runs it.
        held_until: the time until which its tasks and timers stand still.
    """

    def __init__(self, seed: int = 0, *, simulation: Simulation | None = None) -> None:
        """Begin a simulation.

        Args:
            seed: the seed of all that is drawn.
            simulation: the simulation to join, which has other dispatchers too; each stands for a process. `None` for a
                new one of this seed.
        """
        self.simulation = Simulation(seed) if simulation is None else simulation
        self.held_until = 0.0

    def monotonic(self) -> float:
        """Return the seconds since the beginning."""
        return self.simulation.monotonic()

    def time(self) -> float:
        """Return the seconds since the epoch."""
        return self.simulation.time()

    def random(self) -> float:
        """Return a random number in [0, 1)."""
        return self.simulation.draw()

    def put(self, task: Runnable, *, urgent: bool = False) -> None:
        """Mark a task as ready; its turn is drawn, whether it is urgent or not."""
        del urgent
        self.simulation.put(self, task)

    def put_next(self, task: Runnable) -> None:
        """Mark a task as ready; its turn is drawn."""
        self.simulation.put(self, task)

    def after(self, seconds: float, target: TakesTimers, message: Any) -> None:
        """Set a timer."""
        self.simulation.set_timer(self, seconds, target, message)

    def hold(self, seconds: float) -> None:
        """Let its tasks and timers stand still, as those of a process that the system has stopped."""
        self.held_until = max(self.held_until, self.simulation.monotonic() + seconds)
