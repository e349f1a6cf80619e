"""Simulated worker processes: each has a dispatcher of its own, and a channel to the engine's process."""

from __future__ import annotations

import logging
from random import Random
from typing import TYPE_CHECKING, Any

import pykka

from depthactors.dispatcher.current import about_to_wait
from depthactors.dispatcher.life import Life
from depthactors.dispatcher.mailbox import mailbox_of, tell
from depthactors.dispatcher.simulated import SimulatedDispatcher
from depthactors.dispatcher.task import Task
from depthactors.engine.lifecycle import running
from depthactors.engine.machine import Machine
from depthactors.pacing import USUAL
from depthactors.shards.channel import SEND_PATIENCE, WORKER_PATIENCE, pickled
from depthactors.shards.greeting import check_greeting, greet
from depthactors.shards.messages import BooksUpdated, LogReport, Stop
from depthactors.version import VERSION
from depthactors.worker.outbox import PAUSE
from depthactors.worker.unsent import Unsent
from depthactors.worker.worker import STOP_TIMEOUT
from depthactors.worker.worker_engine import WorkerEngine
from tests.sim.channel import Pipe
from tests.sim.network import SimulatedNetwork

if TYPE_CHECKING:
    from collections.abc import Callable

    from depthactors.net.allowance import Allowance
    from depthactors.shards.messages import Begin
    from tests.sim.exchange import SimulatedExchange
    from tests.sim.faults import PlannedFault

_LOADING = 0.1, 1.5
"""Shortest and longest time that a process takes to be loaded, in seconds."""
_CAPACITIES = 2_000, 20_000, 200_000
"""Bytes in a direction of a channel: the system has room for some 200,000."""
_SENDING = 1.0
"""Seconds for `_RECORDS` log records, of which the smallest channel has room for three."""
_RECORDS = 100
"""The most log records at once."""
_KILLED = -9


def longest_disturbance(fault: PlannedFault) -> float:
    """Return the seconds after a fault of a worker until its books answer again, at the latest.

    A question that came before is answered then: by the worker, or by its successor, which is asked once it is loaded.
    """
    loading = _LOADING[1]
    match fault.kind:
        case "worker-killed" | "worker-upgraded" | "rebalance":
            # The end of a process is the end of its channel, which is noticed at once.
            return loading
        case "worker-logs":
            return _SENDING
        case "worker-supervisor-dies":
            return USUAL.parent_look + loading
        case "channel-stalls-down":
            # The signs of life arrive: the worker is not replaced.
            return fault.seconds + loading
    return min(fault.seconds, USUAL.worker_silence + USUAL.worker_look) + loading


_ANOTHER_VERSION = greet().replace(VERSION.encode(), b"0.0.0")


class Poison:
    """A message that no actor knows: it ends with it."""


class _Outbox(Task):
    """The sending thread of a worker, as `depthactors.worker.outbox` has it."""

    has_work = False
    """It takes all in a turn; what comes later queues it again."""

    def __init__(self, dispatcher: SimulatedDispatcher, name: str, send: Callable[[bytes], None]) -> None:
        super().__init__(dispatcher, name)
        self._unsent, self._resume, self._send = Unsent(), 0.0, send
        self._is_empty = self._is_ending = False

    def put(self, message: Any) -> None:
        if self._unsent.put(message):
            self._wake()

    def put_updated(self, book_id: int) -> None:
        if book_id not in self._unsent.updated:
            self._unsent.updated.add(book_id)
            self._wake()

    def withdraw(self, message: Any) -> None:
        self._unsent.withdraw(message)

    def stop(self, timeout: float) -> None:
        self._is_ending = True
        self._wake()
        about_to_wait(lambda: self._is_empty, timeout)

    def put_due(self, _message: Any) -> None:
        self.schedule()

    def _wake(self) -> None:
        self._is_empty = False
        self.schedule()

    def take_turn(self) -> None:
        now = self.dispatcher.monotonic
        while (message := self._unsent.take(updates=self._is_ending or now() >= self._resume)) is not None:
            if isinstance(message, BooksUpdated):
                self._resume = now() + PAUSE
                self.dispatcher.after(PAUSE, self, None)
            self._send(pickled(message))
        self._is_empty = True

    def fail(self, error: BaseException) -> None:
        raise error


class SimulatedProcess:
    """A worker process: a `depthactors.shards.process.Process`, and what runs in it.

    Attributes:
        dispatcher: the process's own.
        engine: the worker's engine, once it has begun.
        up: the direction to the engine's process.
        down: the direction from there.
    """

    def __init__(
        self,
        home: SimulatedDispatcher,
        name: str,
        pid: int,
        draws: Random,
        network: SimulatedNetwork,
        *,
        is_upgraded: bool,
    ) -> None:
        self.name, self.pid = name, pid
        self.status: int | None = None
        self.engine: WorkerEngine | None = None
        self.dispatcher = SimulatedDispatcher(simulation=home.simulation)
        capacity = draws.choice(_CAPACITIES)
        self.up = Pipe(home, f"{name}-up", draws, capacity)
        self.down = Pipe(self.dispatcher, f"{name}-down", draws, capacity)
        self._network = network
        self._outbox = _Outbox(self.dispatcher, f"{name}-outbox", self._send_up)
        self._receiving = Life(name)
        shortest, longest = _LOADING
        self.dispatcher.hold(shortest + (longest - shortest) * draws.random())
        self._is_upgraded = is_upgraded
        self.down.open(self._take, self._leave)
        self.dispatcher.after(0.0, self, self._greet)

    # What the engine's process calls.

    def start(self, on_message: Callable[[Any], None], on_end: Callable[[BaseException], None]) -> Life:
        def ended(error: BaseException) -> None:
            on_end(error)
            self._receiving.end()

        def take(message: Any) -> None:
            if isinstance(message, bytes):
                check_greeting(message)
            else:
                on_message(message)

        self.up.open(take, ended)
        self.send(greet())
        return self._receiving

    def send(self, message: Any) -> None:
        if not self.down.send(pickled(message), SEND_PATIENCE):
            self._end_channel()

    def stop(self, timeout: float) -> bool:
        self.down.send(pickled(Stop()), 0)
        self._end_channel()
        about_to_wait(lambda: self.status is not None, timeout)
        if self.status is None:
            self.abort()
            return False
        return True

    def abort(self) -> None:
        self._exit(_KILLED)

    def close(self) -> None:
        assert self.status is not None, "it has ended"

    # The process itself.

    def _take(self, message: Any) -> None:
        if isinstance(message, bytes):
            if self._is_upgraded:
                # It finds the same difference.
                self._exit(0)
            else:
                check_greeting(message)
        elif self.engine is None:
            self._begin(message)
        elif not isinstance(message, Stop):
            self.engine.take(message)

    def _begin(self, begin: Begin) -> None:
        self.engine = WorkerEngine(
            begin,
            self._outbox,
            self._end_channel,
            machine=Machine(lambda: self.dispatcher, lambda _settings: self._network),
            cpu=lambda: 0.0,
        )
        self._look_every = begin.settings.timing.parent_look
        self.engine.start()
        self.dispatcher.after(self._look_every, self, self._look)

    def put_due(self, action: Callable[[], None]) -> None:
        """Do what is due."""
        action()

    def _greet(self) -> None:
        self._send_up(pickled(_ANOTHER_VERSION if self._is_upgraded else greet()))

    def _look(self) -> None:
        """Look whether the supervisor lives."""
        assert self.engine is not None
        if not self.engine.alive:
            self._end_channel()
        else:
            self.dispatcher.after(self._look_every, self, self._look)

    def _leave(self, _error: BaseException) -> None:
        """End in good order: the channel has ended."""
        if self.engine is not None:
            self.engine.stop(STOP_TIMEOUT)
            self._outbox.stop(STOP_TIMEOUT)
        self._exit(0)

    def _send_up(self, data: bytes) -> None:
        if not self.up.send(data, WORKER_PATIENCE):
            self._end_channel()

    def _end_channel(self) -> None:
        self.up.end()
        self.down.end()

    def _exit(self, status: int) -> None:
        """End at once, and leave nothing."""
        if self.status is not None:
            return
        self.status = status
        self.dispatcher.kill()
        self._end_channel()
        self._network.abandon()
        if self.engine is not None:
            running.discard(self.engine._runtime._owner)
            for ref in self.actors():
                pykka.ActorRegistry.unregister(ref)

    def strike(self, fault: PlannedFault) -> None:
        """Have a fault of `tests.sim.faults.OF_WORKERS`."""
        match fault.kind:
            case "worker-killed" | "worker-upgraded":
                self.abort()
            case "worker-stands-still":
                self.dispatcher.hold(fault.seconds)
            case "worker-supervisor-dies":
                for ref in self.actors()[:1]:
                    tell(ref, Poison())
            case "worker-logs":
                self._log(int(_RECORDS * fault.pick))
            case "channel-stalls-up":
                self.up.stall(fault.seconds)
            case "channel-stalls-down":
                self.down.stall(fault.seconds)

    def _log(self, count: int) -> None:
        """Send log records, as a worker's log handler does."""
        for number in range(count):
            self._outbox.put(LogReport(logging.makeLogRecord({"name": "depthactors.worker", "msg": f"={number:500}"})))

    def actors(self) -> list[pykka.ActorRef[Any]]:
        """Return the supervisor here and its children."""
        supervisor = None if self.engine is None else self.engine._runtime._supervisor
        return [] if supervisor is None else [supervisor, *mailbox_of(supervisor).children]


class Processes:
    """All worker processes of a run.

    Attributes:
        all: all of them, also those that have ended, in the order of their starts.
        upgraded: names of workers whose next process is of another version of the package.
    """

    def __init__(self, seed: int, home: SimulatedDispatcher, exchange: SimulatedExchange, allowance: Allowance) -> None:
        self.all: list[SimulatedProcess] = []
        self.upgraded: set[str] = set()
        self._seed, self._home, self._exchange, self._allowance = seed, home, exchange, allowance

    @property
    def living(self) -> list[SimulatedProcess]:
        """Those that have not ended."""
        return [each for each in self.all if each.status is None]

    @property
    def restarts(self) -> int:
        """The number of those that took the place of another one."""
        return len(self.all) - len({each.name for each in self.all})

    def start(self, name: str) -> SimulatedProcess:
        """Start one: a machine's `new_process`."""
        number = len(self.all) + 1
        draws = Random(f"{self._seed}/process {number}")
        network = SimulatedNetwork(self._exchange, self._allowance)
        process = SimulatedProcess(self._home, name, number, draws, network, is_upgraded=name in self.upgraded)
        self.upgraded.discard(name)
        self.all.append(process)
        return process

    def let_go(self) -> None:
        """Leave nothing of a run to this process."""
        for each in self.living:
            each.abort()
