"""One run: an engine, its program and an exchange with faults, in simulated time, and what must hold all the while.

A run is its seed and its faults. With some of its faults left out it is another run, but as much the same as it can be.
"""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass, field, replace
from itertools import count
from random import Random
from typing import TYPE_CHECKING, Any

import pykka

from depthactors import DepthEngine, markets
from depthactors.actors.questions import Best, Status
from depthactors.actors.supervision import RESTART_SECONDS, RESTARTS
from depthactors.book import BookState
from depthactors.book.trust import LEAST_CAP
from depthactors.dispatcher.mailbox import BYTE_LIMIT, FRAME_LIMIT, Mailbox, mailbox_of
from depthactors.dispatcher.simulated import SimulatedDispatcher
from depthactors.engine.lifecycle import running
from depthactors.engine.machine import Machine
from depthactors.errors import UnknownSymbolError
from depthactors.net.settings import NetworkSettings
from depthactors.pacing import RestartIntensity
from depthactors.shards.remote_cell import RemoteCell
from depthactors.sync.doubts import UNLISTED_AFTER
from tests.sim.agreement import disagreements
from tests.sim.drop_in import CacheProgram, SimulatedManager
from tests.sim.exchange import SimulatedExchange
from tests.sim.faults import ALL, DEADLY, OF_PROGRAM, OF_WORKERS, PlannedFault, plan
from tests.sim.network import SimulatedNetwork
from tests.sim.processes import Poison, Processes, SimulatedProcess, longest_disturbance
from tests.sim.program import Program
from tests.sim.trace import Trace
from tests.sim.truth import Truth
from tests.sim.violation import ViolationError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from depthactors.status import EngineStatus
    from tests.sim.program import Reader

SYMBOLS = ["BTCUSDT", "ETHUSDT", "BNBUSDT"]
_WEIGHT, _CONNECTIONS = 240, 60
"""What the exchange allows in a minute and in five: so little that a client must take care."""
_LONGEST_OUTAGE = 240.0
"""Seconds without a live book that no fault explains: the longest ban, its repetition, and the back-off after it."""
_LONGEST_SILENCE = 45.0
"""Seconds for which a live book may be behind: twice the silence after which a snapshot is requested, and some."""
_LONGEST_SILENCE_IF_CACHED = 75.0
"""The same if snapshots may come out of a cache, so that one shows no change: the next look comes twice as late."""
QUIET = 240.0
"""Seconds at the end of a run that make up for any fault."""
_SOON = 2.0
"""Seconds within which an update reaches the callbacks when nothing is wrong."""
_UNNOTICED = 15.0
"""Seconds until a worker that stands still has been replaced."""
_UPDATES_WAIT = 64 + 1_000
_STOP = 10.0
_WITH_WORKERS = 0.3
"""Share of the seeds whose books are in worker processes."""
_WORKERS, _MOST_WORKERS = 2, 3
_MORE = 4
"""How much more often than another kind each kind of worker faults is drawn."""
_names = count(1)
_DROP_IN = 0.25
"""Share of the seeds whose program uses python-binance's names."""


@dataclass
class Result:
    """What came of a run.

    Attributes:
        seconds: simulated seconds.
        failure: what did not hold, `None` if all did.
        processes: number of worker processes, `None` for a run without.
        worker_restarts: number of times that one was replaced.
        digest: of all turns, and of what was seen.
    """

    seed: int
    seconds: float
    steps: int = 0
    compared: int = 0
    calls: int = 0
    updates: int = 0
    restarts: int = 0
    processes: int | None = None
    worker_restarts: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    planned: list[PlannedFault] = field(default_factory=list)
    failure: str | None = None
    trace: list[str] = field(default_factory=list)
    digest: int = 0
    longest_outage: float = 0.0


class World:
    """An exchange, an engine and a program, all drawn from one seed."""

    def __init__(
        self,
        seed: int,
        seconds: float,
        faults: Sequence[PlannedFault] | None = None,
        *,
        every: float = 60.0,
        quiet: float = QUIET,
        processes: int | None = None,
    ):
        """Draw the run.

        Args:
            seed: what everything is drawn from.
            seconds: how long it is, without its quiet end.
            faults: the faults instead of those of the seed.
            every: seconds from one fault to the next, on average.
            quiet: seconds without a new fault at its end, after which everything must be well.
            processes: number of worker processes, 0 for none; `None` for as many as the seed says.
        """
        if processes is None and Random(f"{seed}/processes").random() < _WITH_WORKERS:
            processes = _WORKERS
        draws = Random(f"{seed}/run")
        self.seed, self.seconds, self.quiet = seed, seconds, quiet
        self.market = replace(
            draws.choice((markets.SPOT, markets.SPOT, markets.USDM)),
            weight_per_minute=_WEIGHT,
            connections=_CONNECTIONS,
        )
        self.is_calm = draws.random() < 0.15
        kinds = (*ALL, *OF_PROGRAM, *tuple(OF_WORKERS if processes else ()) * _MORE)
        planned = plan(Random(f"{seed}/faults"), seconds, SYMBOLS, every=every, kinds=kinds)
        if self.is_calm:
            planned = [fault for fault in planned if fault.kind in {"sleep", "raise"}]
        self.faults = _decidable(planned) if faults is None else list(faults)
        self.is_calm = self.is_calm and all(fault.kind in {"sleep", "raise"} for fault in self.faults)
        self.dispatcher = SimulatedDispatcher(seed)
        self.simulation = simulation = self.dispatcher.simulation
        rotate_after, refresh = draws.uniform(200.0, 900.0), draws.uniform(60.0, 600.0)
        self.exchange = SimulatedExchange(
            simulation,
            Random(f"{seed}/exchange"),
            SYMBOLS,
            self.market,
            faults=[fault for fault in self.faults if not _is_ours(fault)],
            rate=draws.choice((10.0, 10.0, 25.0)),
            settings=NetworkSettings(rotate_after=rotate_after),
        )
        allowance = self.exchange.allowance()

        self.processes = Processes(seed, self.dispatcher, self.exchange, allowance)

        class SimulatedEngine(DepthEngine[Any]):
            _machine = Machine(
                lambda: self.dispatcher, lambda _: SimulatedNetwork(self.exchange, allowance), self.processes.start
            )

        settings = {
            "rotate_after": rotate_after,
            "processes": processes or None,
            # Of the same length in each run: it is in messages, whose bytes count.
            "name": f"simulation-{os.getpid():010}-{next(_names):06}" if processes else None,
        }
        self._workers = processes or 0
        self.failure: str | None = None
        self.truth = Truth(self.exchange, self.fail)
        face, of_program = Random(f"{seed}/face"), (SYMBOLS, Random(f"{seed}/program"), self.truth, self.fail)
        self.program: Program
        if face.random() < _DROP_IN:
            manager = SimulatedManager(
                lambda **options: SimulatedEngine(**options | settings),
                max_reconnects=face.choice((1, 2, None)),
                threads=face.choice(("manager", "book")),
            )
            self.program = CacheProgram(manager, self.market.name, *of_program)
        else:
            engine = SimulatedEngine(self.market, refresh_interval=refresh, **settings)
            self.program = Program(engine, *of_program)
        self.engine = self.program.engine
        self.trace = Trace(simulation)
        self.struck: Counter[str] = Counter()
        self.longest_outage = 0.0
        self._program_draws = Random(f"{seed}/acts")
        self._not_live: dict[str, float] = {}
        self._seen: dict[int, int] = {}
        self._shown: dict[int, Any] = {}
        self._behind: dict[int, tuple[int, float]] = {}
        self._supervisor: pykka.ActorRef[Any] | None = None

    def fail(self, words: str) -> None:
        """Note what does not hold; the run ends at the next step."""
        if self.failure is None:
            self.failure = f"{self.simulation.monotonic():.3f} s: {words}"

    def run(self) -> Result:
        """Run it; returns what came of it."""
        result = Result(self.seed, self.seconds, planned=self.faults)
        try:
            with self.simulation:
                self._run()
        except ViolationError as error:
            result.failure = str(error)
        except Exception as error:  # noqa: BLE001 - whatever it is, the run has found it
            result.failure = f"{self.simulation.monotonic():.3f} s: {type(error).__name__}: {error}"
        finally:
            self._let_go()
        self.trace.note(f"{self.exchange.strikes()} {self.truth.compared} {self.program.calls}")
        result.steps, result.compared = self.simulation.steps, self.truth.compared
        result.calls, result.updates = self.program.calls, self.exchange.events
        result.faults = Counter(self.exchange.strikes()) + self.struck
        result.trace, result.digest = self.trace.lines, self.trace.digest
        result.longest_outage = self.longest_outage
        result.processes = self._workers or None
        result.worker_restarts = self.processes.restarts
        result.restarts = self.struck["book-dies"] + self.struck["socket-dies"] + self.struck["snapshots-die"]
        return result

    def _run(self) -> None:
        simulation = self.simulation
        self.program.start()
        self._supervisor = self.engine._runtime._supervisor
        self.program.begin()
        for fault in self.faults:
            if _is_ours(fault):
                simulation.after(fault.at, lambda fault=fault: self._strike(fault))
        simulation.after_step = self._check
        simulation.after(1.0, self._look)
        simulation.after(self._program_draws.uniform(5.0, 30.0), self._act)
        simulation.run_for(self.seconds)
        self.program.is_quiet = True
        simulation.run_for(self.quiet)
        self._check_end()
        self.program.is_ending = True
        begun = simulation.monotonic()
        self.program.stop()
        self._raise_failure()
        if simulation.monotonic() - begun > _STOP:
            self.fail(f"stop() took {simulation.monotonic() - begun:.1f} s")
        simulation.run_for(30.0)
        self.program.questions.check()
        for reader in self.program.readers:
            if reader.handle is not None and not reader.handle.state.over:
                self.fail(f"{reader.symbol}: {reader.handle.state} after stop()")
        self._raise_failure()

    def _let_go(self) -> None:
        """Leave nothing of a run that has failed to the process: it cannot be relied on to stop by itself."""
        self.simulation.after_step = None
        running.discard(self.engine._runtime._owner)
        if self._supervisor is not None:
            for ref in (self._supervisor, *mailbox_of(self._supervisor).children):
                pykka.ActorRegistry.unregister(ref)
        self.processes.let_go()
        if self.engine._runtime._folder is not None:
            self.engine._runtime._folder.close()

    def _raise_failure(self) -> None:
        if self.failure is not None:
            raise ViolationError(self.failure)

    # What happens besides the exchange's faults.

    def _act(self) -> None:
        """Let the program do something, now and then."""
        if self.simulation.monotonic() < self.seconds:
            # A program does nothing either while its process stands still.
            if self.dispatcher.held_until <= self.simulation.monotonic():
                self.program.act()
            self.simulation.after(self._program_draws.uniform(5.0, 30.0), self._act)

    def _strike(self, fault: PlannedFault) -> None:
        self.trace.note(f"fault {fault.kind}")
        readers = [reader for reader in self.program.readers if reader.symbol == fault.symbol and reader.handle]
        match fault.kind:
            case "stand-still":
                self.dispatcher.hold(fault.seconds)
                self.program.disturbed.add(fault.seconds)
            case "sleep" if readers:
                readers[0].naps.append(fault.seconds)
            case "raise" if readers:
                readers[0].blows += 1
            case "book-dies":
                # With workers a book has two actors, one in each process.
                if refs := self._children(f"book-{fault.symbol}"):
                    self._end(refs[int(fault.pick * len(refs))], Best())
            case "socket-dies" | "snapshots-die":
                for ref in self._children(fault.kind.partition("-")[0]):
                    self._end(ref, Status())
            case _ if fault.kind in OF_WORKERS and (living := self.processes.living):
                self._strike_worker(fault, living[int(fault.pick * len(living))])
        self.struck[fault.kind] += 1

    def _end(self, ref: pykka.ActorRef[Any], question: Any) -> None:
        """Have an actor die while somebody asks it."""
        if mailbox_of(ref).dispatcher is self.dispatcher:
            # An actor of a worker may end without an answer, with its process; nobody outside knows it.
            self.program.questions.ask(ref, question)
        ref.tell(Poison())

    def _strike_worker(self, fault: PlannedFault, process: SimulatedProcess) -> None:
        self.program.disturbed.add(longest_disturbance(fault))
        if fault.kind == "rebalance":
            self.engine.rebalance(1 + fault.levels % _MOST_WORKERS)
        if fault.kind == "worker-upgraded" and self._present > 1:
            self.processes.upgraded.add(process.name)
        process.strike(fault)

    @property
    def _present(self) -> int:
        """The number of workers."""
        assert self._supervisor is not None
        root: Any = mailbox_of(self._supervisor).root
        return len(root._workers.present)

    def _children(self, prefix: str) -> list[pykka.ActorRef[Any]]:
        return sorted(
            (ref for ref in self._actors() if mailbox_of(ref).name.startswith(prefix)),
            key=lambda ref: mailbox_of(ref).name,
        )

    def _actors(self) -> list[pykka.ActorRef[Any]]:
        """Return all actors of all processes."""
        assert self._supervisor is not None
        here = [self._supervisor, *mailbox_of(self._supervisor).children]
        return [*here, *(ref for process in self.processes.living for ref in process.actors())]

    # What must hold.

    def _check(self) -> None:
        """Compare each book that is live and has changed; called after each step."""
        if self.failure is not None:
            self._raise_failure()
        for reader in self.program.readers:
            handle = reader.handle
            if handle is None:
                continue
            shown = _shown(handle._cell)
            if shown is None or self._shown.get(reader.number) == shown:
                continue
            self._shown[reader.number] = shown
            view = handle.view()
            if view.state is BookState.LIVE:
                self._seen[reader.number] = view.last_update_id
                self.truth.compare(view, reader.depth)

    def _look(self) -> None:
        """Check what changes slowly, once a second."""
        now = self.simulation.monotonic()
        if self.program.is_ending:
            return
        self.simulation.after(1.0, self._look)
        if self.exchange.broken:
            self.fail(f"more was sent than the exchange allows: {self.exchange.broken[-1]}")
        for reader in self.program.readers:
            self._check_unlisted(reader)
        self.program.keep()
        for reader in self.program.readers:
            handle = reader.handle
            if handle is None:
                continue
            if handle.state is BookState.LIVE:
                self._not_live.pop(reader.symbol, None)
                seen = self._seen.get(reader.number, 0)
                if seen == self.exchange.last_id(reader.symbol):
                    self._behind.pop(reader.number, None)
                    continue
                at, since = self._behind.get(reader.number, (-1, now))
                self._behind[reader.number] = seen, since if at == seen else now
                if at == seen and now - since > self._longest_silence(reader.symbol):
                    self.fail(f"{reader.symbol}: live, and behind for {now - since:.0f} s")
            else:
                since = self._not_live.setdefault(reader.symbol, now)
                self.longest_outage = max(self.longest_outage, now - since)
                if now - since > _LONGEST_OUTAGE:
                    self.fail(f"{reader.symbol}: {handle.state} for {now - since:.0f} s: {handle.error}")
        self._check_mailboxes()

    def _check_unlisted(self, reader: Reader) -> None:
        """Check that a book that was live is not given up because of fewer answers than it takes."""
        handle = reader.handle
        if handle is None or reader.number not in self._seen or not isinstance(handle.error, UnknownSymbolError):
            return
        answers = sum(fault.count for fault in self.faults if (fault.kind, fault.symbol) == ("unlisted", reader.symbol))
        if handle.state is BookState.FAILED and answers < UNLISTED_AFTER:
            self.fail(f"{reader.symbol}: was live, and is given up after {answers} answers: {handle.error}")

    def _longest_silence(self, symbol: str) -> float:
        is_cached = any(fault.kind == "cached-snapshot" and fault.symbol == symbol for fault in self.faults)
        return _LONGEST_SILENCE_IF_CACHED if is_cached else _LONGEST_SILENCE

    def _check_mailboxes(self) -> None:
        for mailbox in map(mailbox_of, self._actors()):
            if mailbox.waiting_frames > FRAME_LIMIT or mailbox.waiting_bytes > BYTE_LIMIT:
                self.fail(f"{mailbox.name}: {mailbox.waiting_frames} frames wait")
            if mailbox.has_work and not _is_queued(mailbox):
                self.fail(f"{mailbox.name}: messages wait, and it is in no queue")
        for reader in self.program.readers:
            listener = None if reader.handle is None else reader.handle._listener
            waiting = 0 if listener is None else len(listener._waiting)  # type: ignore[attr-defined]
            if waiting > _UPDATES_WAIT:
                self.fail(f"{reader.symbol}: {waiting} calls wait")

    def _check_end(self) -> None:
        """Check that after a quiet time everything is well."""
        for reader in self.program.readers:
            handle = reader.handle
            if handle is None:
                continue
            if handle.state is not BookState.LIVE:
                self.fail(f"{reader.symbol}: {handle.state} after {self.quiet:g} quiet seconds: {handle.error}")
        self._check_callbacks()
        status = self.engine.status()
        self._check_workers(status)
        self._raise_failure()
        if self.is_calm:
            for book in status.books:
                if book.counters.gaps or book.counters.resyncs or book.counters.lost_frames:
                    self.fail(f"{book.symbol}: without a fault: {book.counters}")
        if any(row.error is not None for row in status.sockets):
            self.fail(f"a socket reports {status.sockets}")
        self._raise_failure()

    def _check_workers(self, status: EngineStatus) -> None:
        """Check that no message to or from a worker was lost."""
        if any(row.left_out or row.refused for row in status.workers):
            self.fail(f"messages were left out, or refused: {status.workers}")
        if self._workers:
            assert self._supervisor is not None
            for words in disagreements(self._supervisor, self.processes.living):
                self.fail(words)

    def _check_callbacks(self) -> None:
        """Check that what is shown now is brought to the callbacks soon."""
        shown = {reader.number: reader.handle.view().last_update_id for reader in self.program.readers if reader.handle}
        self.simulation.run_for(_SOON)
        for reader in self.program.readers:
            if reader.seen_id < shown.get(reader.number, 0):
                latest = shown[reader.number]
                self.fail(f"{reader.symbol}: the callback has seen update {reader.seen_id} last, {latest} is shown")


def _decidable(planned: Sequence[PlannedFault]) -> list[PlannedFault]:
    """Leave out what nobody could notice.

    - A snapshot with next to no levels, of a symbol that does not trade: the doubt that remains in
      `depthactors.book.trust`. A new book takes such a side for whole while its stream is quiet.
    - Two snapshots in a row of another symbol: a new book believes the second one while its stream is quiet.

    And what is given up by design: a worker that dies too often.
    """
    planned = _within_intensity(planned)
    closed = {fault.symbol for fault in planned if fault.kind == "closed"}
    return [
        fault._replace(count=1) if fault.kind == "mismatch" and fault.symbol in closed else fault
        for fault in planned
        if fault.symbol not in closed
        or not (fault.kind == "empty-snapshot" or (fault.kind == "capped" and fault.levels < LEAST_CAP))
    ]


def _within_intensity(planned: Sequence[PlannedFault]) -> list[PlannedFault]:
    """Leave out the deaths of workers beyond the restart intensity: all of them may strike the same worker."""
    # A worker that stands still is replaced a while later.
    intensity = RestartIntensity(RESTARTS, RESTART_SECONDS + _UNNOTICED)
    return [fault for fault in planned if fault.kind not in DEADLY or intensity.allows(fault.at)]


def _is_ours(fault: PlannedFault) -> bool:
    """Return whether it strikes the engine's processes, and not the exchange."""
    return fault.kind in OF_PROGRAM or fault.kind in OF_WORKERS


def _shown(cell: Any) -> Any:
    """Return what changes with each book that may be live, `None` if there is none."""
    # `isinstance` is slow where a class has a protocol as its base, and this is asked after each turn.
    if type(cell) is RemoteCell:
        return cell.place, cell._reader.serial()
    book, state = cell.current
    return None if book is None or state is not BookState.LIVE else book.last_update_id


def _is_queued(mailbox: Mailbox) -> bool:
    return mailbox._is_queued or mailbox._running.locked()
