"""A dispatcher without a clock: time and order come from a seed.

Turns are taken one after the other, while the program waits in `run_for`, `run_until` or another call. The next of the
ready tasks is drawn. Time passes between turns, a little at a time, and from timer to timer when nothing is ready. So a
run is its seed: the same seed gives the same turns at the same times.

A function that waits, such as a callback that asks an actor, lets the others run (`let_others_run`): another thread
goes on with the turns. Only one thread is awake at any time, and the next one to wake is drawn like the turns.
"""

from __future__ import annotations

import threading
from functools import partial
from heapq import heappop, heappush
from itertools import count
from math import inf
from random import Random
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from depthactors.dispatcher.current import register, unknown, unregister
from depthactors.dispatcher.dispatcher import Dispatcher
from depthactors.dispatcher.simulated_lane import SimulatedLane
from depthactors.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Self

    from depthactors.dispatcher.dispatcher import Runnable, TakesTimers

BEGINNING: Final = 1_790_000_000.0
"""Seconds since the epoch at which a simulation begins."""
_LONGEST_TURN: Final = 2e-4
"""Seconds that pass in a turn at most; their number is drawn."""
_THREAD: Final = "simulation"
"""Name of the threads that take turns."""
_END_TIMEOUT: Final = 5.0
"""Seconds of real time for a thread to end when the simulation is over."""

_Due: TypeAlias = "tuple[float, int, SimulatedDispatcher | None, Callable[[], None]]"
"""The time, the order among equal times, the dispatcher whose standstill delays it, and the function to call."""


class SimulationOverError(BaseException):
    """Raised in a wait that has not ended when the simulation ends. No `Exception`, so no other code handles it."""


class _Wait:
    """A wait of a task, or of the program, in its thread.

    Attributes:
        is_over: a function that returns whether there is nothing to wait for any more.
        until: the time until which it waits.
        dispatcher: the dispatcher whose standstill delays it.
        task: the task that waits, `None` for the program.
        thread: the thread that waits.
    """

    def __init__(
        self,
        is_over: Callable[[], bool],
        until: float,
        dispatcher: SimulatedDispatcher | None = None,
        task: Runnable | None = None,
    ) -> None:
        self.is_over, self.until, self.dispatcher, self.task = is_over, until, dispatcher, task
        self.thread = threading.current_thread()
        self._asleep = threading.Lock()
        self._asleep.acquire()

    @property
    def is_outside(self) -> bool:
        """Whether it is the program that waits, and not a thread that takes turns."""
        return self.thread.name != _THREAD

    def sleep(self) -> None:
        """Stop this thread until `wake`."""
        self._asleep.acquire()

    def wake(self) -> None:
        """Let the thread go on; the calling thread has to stop."""
        self._asleep.release()


def _never() -> bool:
    return False


class Simulation:
    """The time and the order of one or several dispatchers, each of which stands for a process.

    Thread: the program's, which enters it (`with`), and the threads in which tasks wait; one of them at a time.

    Attributes:
        steps: number of turns so far.
        on_turn: called before each turn with its task.
        after_step: called after each turn, each timer, and each action of `after`.
        task: the task that has its turn now.
        home: the dispatcher whose standstill delays the program's thread; `None` for none.
    """

    def __init__(self, seed: int) -> None:
        """Begin at the time 0."""
        self.steps = 0
        self.on_turn: Callable[[Runnable], None] | None = None
        self.after_step: Callable[[], None] | None = None
        self.task: Runnable | None = None
        self.home: SimulatedDispatcher | None = None
        self._now = 0.0
        # Apart from each other: how many numbers actors draw does not change the order of the turns.
        self._order = Random(f"{seed}/order").random  # noqa: S311 - it guards nothing
        self.draw = Random(f"{seed}/actors").random  # noqa: S311
        self._serial = count()
        self._due: list[_Due] = []
        self._ready: list[tuple[SimulatedDispatcher | None, Runnable | _Wait]] = []
        self._waits: list[_Wait] = []
        self._killed: list[_Wait] = []
        self._dispatcher: SimulatedDispatcher | None = None
        self._last: threading.Thread | None = None
        self._failure: BaseException | None = None
        self._is_over = False

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
        """End: each wait raises `SimulationOverError` in its thread, and no task has a turn any more."""
        self._is_over = True
        waits = [*self._waits, *(each for _, each in self._ready if isinstance(each, _Wait)), *self._killed]
        self._waits, self._ready, self._killed, self._due = [], [], [], []
        for wait in waits:
            wait.wake()
            wait.thread.join(_END_TIMEOUT)
        if self._last is not None:
            self._last.join(_END_TIMEOUT)
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
        """Let time pass.

        Raises:
            BaseException: the exception of an action of `after`, or of `after_step`.
            UsageError: a wait has no end, and nothing is left that could end it.
        """
        self._wait(_Wait(_never, self._now + seconds))

    def run_until(self, is_over: Callable[[], bool], timeout: float) -> bool:
        """Let time pass until `is_over()`, for `timeout` seconds at most; returns whether it is.

        Errors as for `run_for`.
        """
        self._wait(_Wait(is_over, self._now + timeout))
        return is_over()

    def let_others_run(self, is_over: Callable[[], bool], timeout: float | None) -> float | None:
        """Run the others while the calling task waits; it goes on once its process does not stand still."""
        if is_over is unknown and timeout is None:
            # A wait for something that no simulation has, such as room in a socket: it is over at once.
            return None
        until = inf if timeout is None else self._now + timeout
        self._wait(_Wait(is_over, until, self._dispatcher or self.home, self.task))
        return 0.0

    def _wait(self, wait: _Wait) -> None:
        if self._is_over:
            raise SimulationOverError
        dispatcher = self._dispatcher
        self._waits.append(wait)
        self._last = others = threading.Thread(target=self._take_turns, name=_THREAD, daemon=True)
        others.start()
        try:
            wait.sleep()
        except BaseException:
            # Ctrl-C: the other thread must not go on beside this one.
            self._is_over = True
            others.join(_END_TIMEOUT)
            raise
        self.task, self._dispatcher = wait.task, dispatcher
        failure, self._failure = self._failure, None
        if failure is not None:
            raise failure
        if self._is_over:
            raise SimulationOverError

    def _take_turns(self) -> None:
        """Take turns until a wait of another thread is drawn."""
        register(self)
        self.task = self._dispatcher = None
        woken: _Wait | None = None
        try:
            while woken is None and not self._is_over:
                woken = self._step()
        except BaseException as error:  # noqa: BLE001 - it is raised in the thread that runs the simulation
            if not self._is_over:
                self._failure, woken = error, self._take_outside()
        finally:
            unregister()
        if woken is not None:
            self._last = threading.current_thread()
            woken.wake()

    def _take_outside(self) -> _Wait:
        """Remove and return the wait of the program's thread."""
        for entry in tuple(self._ready):
            if isinstance(entry[1], _Wait) and entry[1].is_outside:
                self._ready.remove(entry)
                return entry[1]
        wait = next(each for each in self._waits if each.is_outside)
        self._waits.remove(wait)
        return wait

    def _step(self) -> _Wait | None:
        """Take a turn, or let time pass; returns a wait that has ended, if it was drawn."""
        while self._due and self._due[0][0] <= self._now:
            self._fire(heappop(self._due))
        for wait in [each for each in self._waits if each.until <= self._now or each.is_over()]:
            self._waits.remove(wait)
            self._ready.append((wait.dispatcher, wait))
        if self._ready:
            return self._choose()
        until = min((each.until for each in self._waits), default=inf)
        self._now = min(until, self._due[0][0]) if self._due else until
        if self._now == inf:
            msg = f"expected that something happens: nothing is ready or due, and {len(self._waits)} waits have no end"
            raise UsageError(msg)
        return None

    def _choose(self) -> _Wait | None:
        """Draw a ready task and take its turn; returns a wait that has ended, if it was drawn instead."""
        ready = self._ready
        number = int(len(ready) * self._order())
        entry = dispatcher, chosen = ready[number]
        ready[number] = ready[-1]
        ready.pop()
        if dispatcher is not None and dispatcher.is_killed:
            if isinstance(chosen, _Wait):
                self._killed.append(chosen)
            return None
        if dispatcher is not None and dispatcher.held_until > self._now:
            # Its process stands still.
            self._call_at(dispatcher.held_until, None, lambda: ready.append(entry))
            return None
        if isinstance(chosen, _Wait):
            return chosen
        self._take_turn(dispatcher, chosen)
        return None

    def _take_turn(self, dispatcher: SimulatedDispatcher | None, task: Runnable) -> None:
        if self.on_turn is not None:
            self.on_turn(task)
        self.task, self._dispatcher = task, dispatcher
        self.steps += 1
        task.run()
        self.task = self._dispatcher = None
        if self._is_over:
            return
        self._now += _LONGEST_TURN * self._order()
        if self.after_step is not None:
            self.after_step()

    def _fire(self, due: _Due) -> None:
        _, _, dispatcher, action = due
        if dispatcher is not None and dispatcher.is_killed:
            return
        if dispatcher is not None and dispatcher.held_until > self._now:
            self._call_at(dispatcher.held_until, dispatcher, action)
            return
        action()
        if self.after_step is not None and not self._is_over:
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
        simulation: the simulation that runs the tasks.
        held_until: the time until which its tasks, their waits and their timers stand still.
        is_killed: whether they stand still for ever.
    """

    def __init__(self, seed: int = 0, *, simulation: Simulation | None = None) -> None:
        """Begin a simulation.

        Args:
            seed: the seed of all that is drawn.
            simulation: the simulation to join, which has other dispatchers too; each stands for a process. `None` for a
                new one of this seed.
        """
        self.held_until = 0.0
        self.is_killed = False
        if simulation is None:
            simulation = Simulation(seed)
            simulation.home = self
        self.simulation = simulation

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

    def pinned_lane(self, name: str) -> SimulatedLane:
        """Return a new lane whose turns are drawn."""
        return SimulatedLane(self, name)

    def after(self, seconds: float, target: TakesTimers, message: Any) -> None:
        """Set a timer."""
        self.simulation.set_timer(self, seconds, target, message)

    def hold(self, seconds: float) -> None:
        """Let its tasks and timers stand still, as those of a process that the system has stopped."""
        self.held_until = max(self.held_until, self.simulation.monotonic() + seconds)

    def kill(self) -> None:
        """Let its tasks, their waits and its timers stand still for ever, as those of a process that was killed.

        A task that calls this ends its turn first.
        """
        self.is_killed = True
