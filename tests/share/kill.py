"""`kill`: an engine that shares its books, and readers, one of which is killed again and again."""

from __future__ import annotations

import os
import queue
import signal
import threading
import time
from collections import defaultdict
from contextlib import ExitStack
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

from depthactors.errors import UsageError
from depthactors.exchange import LocalExchange
from depthactors.sharing.place import folder_of
from depthactors.sharing.pulse import PULSE_LIMIT
from tests.share.child import Child
from tests.share.tape import digest
from tests.share.witness import Witness

if TYPE_CHECKING:
    import argparse
    from typing import Self

DEPTH = 20
PATIENCE = 60.0
"""Seconds within which all books must be live again."""
ENDING = 5.0
"""Seconds for a worker to see that its engine is gone, and to end."""
SILENCE = 10.0
"""Seconds without a word, after which a reader that was not killed is taken to suffer."""


class Judge:
    """Compares live views with the exchange's truth, in a thread of its own."""

    def __init__(self, exchange: LocalExchange) -> None:
        self.views: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self.compared = 0
        self.mismatches: list[str] = []
        self._exchange = exchange
        self._thread = threading.Thread(target=self._run, name="share-judge")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.views.put(None)
        self._thread.join()

    def _run(self) -> None:
        while (item := self.views.get()) is not None:
            symbol, update_id, seen, levels = item
            self.compared += 1
            try:
                truth = self._exchange.book_at(symbol, update_id, levels=DEPTH)
            except UsageError as error:
                self.mismatches.append(str(error))
                continue
            sides = (tuple((float(p), float(q)) for p, q in side) for side in (truth.bids, truth.asks))
            if digest(*sides) != seen:
                self.mismatches.append(f"{symbol} at {update_id}, {levels} levels")


class Kill:
    """One run."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.name = f"kill-{os.getpid()}"
        self.symbols = [f"KILL{number}USDT" for number in range(options.symbols)]
        self.killed: dict[str, int] = defaultdict(int)
        self.longest: dict[str, float] = defaultdict(float)
        self.suffered: list[str] = []
        self._random = Random(options.seed)
        self._witnesses: list[Witness] = []
        self._pids: list[int] = []
        self._workers: set[int] = set()

    def run(self) -> dict[str, Any]:
        """Run it; returns what is printed."""
        options = self.options
        exchange = LocalExchange.with_order_flow(
            self.symbols,
            seed=options.seed,
            rate=20.0,
            levels=5.0,
            depth=200,
            history=5_000,
            limits={"connections": 100_000},
        )
        with exchange, Judge(exchange) as judge, ExitStack() as children:
            engine = [children.enter_context(self._engine(exchange.url))]
            engine[0].heard(PATIENCE)
            readers = [self._reader(children, judge) for _ in range(options.readers)]
            for _, witness in readers:
                if witness.wait_live(0.0, PATIENCE) is None:
                    self.suffered.append("a reader whose books were not live at the start")
            end, pause = time.monotonic() + options.minutes * 60, threading.Event()
            while time.monotonic() < end and not self.suffered:
                pause.wait(self._random.uniform(0.1, 1.5))
                # The last takes as long as several others.
                kinds = ["engine", "reader", *["worker" for _ in range(bool(options.processes))]]
                match self._random.choice([*kinds * 2, "stopped engine"]):
                    case "engine":
                        self._kill_engine(engine, readers, children, exchange.url)
                    case "stopped engine":
                        self._stop_engine(engine[0], readers)
                    case "worker":
                        self._kill_worker(engine[0], readers)
                    case _:
                        self._kill_reader(readers, children, judge)
            errors = [error for witness in self._witnesses for error in witness.errors]
            silence = max(witness.longest_silence for witness in self._witnesses)
        folder = folder_of(self.name)
        (zombies, left), workers = self._processes(), self._workers_left()
        return {
            "minutes": options.minutes,
            "seed": options.seed,
            "symbols, readers, workers": f"{options.symbols}, {options.readers}, {options.processes or 0}",
            "killed": dict(sorted(self.killed.items())),
            "longest until all books were live again, s": {
                kind: round(seconds, 2) for kind, seconds in sorted(self.longest.items())
            },
            "others that suffered": self.suffered or 0,
            "exceptions that are not documented": errors[:5] or 0,
            "longest silence of a reader, s": round(silence, 2),
            "live views compared": judge.compared,
            "mismatches": len(judge.mismatches),
            "folders left": int(folder.exists()),
            "zombies": zombies,
            "processes left": left,
            "workers of killed engines left": workers,
            "_passed": not (
                self.suffered or errors or judge.mismatches or folder.exists() or zombies or left or workers
            )
            and judge.compared > 0
            and silence < SILENCE,
        }

    def _engine(self, url: str) -> Child:
        child = Child("kill_engine", self.name, url, self.options.processes or 0, DEPTH, *self.symbols)
        self._pids.append(child.process.pid)
        return child

    def _reader(self, children: ExitStack, judge: Judge) -> tuple[Child, Witness]:
        witness = Witness(judge.views)
        child = children.enter_context(Child("kill_reader", self.name, DEPTH, *self.symbols, hear=witness))
        self._pids.append(child.process.pid)
        self._witnesses.append(witness)
        return child, witness

    def _kill_engine(
        self, engine: list[Child], readers: list[tuple[Child, Witness]], children: ExitStack, url: str
    ) -> None:
        begun = time.monotonic()
        self.killed["engine"] += 1
        # Workers end by themselves, when they see that their engine is gone.
        self._workers.update(_children_of(engine[0].process.pid))
        engine[0].kill()
        engine[0] = children.enter_context(self._engine(url))
        for child, witness in readers:
            self._recovered("engine", begun, witness)
            if child.process.poll() is not None:
                self.suffered.append("a reader that ended with the engine")

    def _stop_engine(self, engine: Child, readers: list[tuple[Child, Witness]]) -> None:
        """Stop it as it stands, until every reader believes nothing of it, and let it go on, with the same workers."""
        before, begun = _children_of(engine.process.pid), time.monotonic()
        self.killed["stopped engine"] += 1
        engine.process.send_signal(signal.SIGSTOP)
        believed = [witness for _, witness in readers if not witness.wait_down(begun, 2 * PULSE_LIMIT)]
        engine.process.send_signal(signal.SIGCONT)
        if believed:
            self.suffered.append(f"{len(believed)} readers that believed an engine that was stopped")
        for _, witness in readers:
            self._recovered("stopped engine", begun, witness)
        if engine.process.poll() is not None or _children_of(engine.process.pid) != before:
            self.suffered.append("an engine, or a worker, that ended since the engine was stopped for a while")

    def _kill_worker(self, engine: Child, readers: list[tuple[Child, Witness]]) -> None:
        workers = _children_of(engine.process.pid)
        if not workers:
            # It has just been started, and its engine had another to begin with.
            return
        begun = time.monotonic()
        self.killed["worker"] += 1
        os.kill(self._random.choice(sorted(workers)), signal.SIGKILL)
        for child, witness in readers:
            self._recovered("worker", begun, witness)
            if child.process.poll() is not None or engine.process.poll() is not None:
                self.suffered.append("an engine or a reader that ended with a worker")

    def _kill_reader(self, readers: list[tuple[Child, Witness]], children: ExitStack, judge: Judge) -> None:
        place = self._random.randrange(len(readers))
        begun = time.monotonic()
        self.killed["reader"] += 1
        readers[place][0].kill()
        readers[place] = self._reader(children, judge)
        self._recovered("reader", begun, readers[place][1])
        for other, (child, witness) in enumerate(readers):
            if other != place and (child.process.poll() is not None or witness.downs(begun)):
                self.suffered.append("a reader whose books were not live as another was killed")

    def _recovered(self, kind: str, begun: float, witness: Witness) -> None:
        live_at = witness.wait_live(begun, PATIENCE)
        if live_at is None:
            self.suffered.append(f"a reader whose books were not live {PATIENCE:g} s after the end of the {kind}")
        else:
            self.longest[kind] = max(self.longest[kind], live_at - begun)

    def _processes(self) -> tuple[int, int]:
        """Count our children that are dead and not waited for, and those that run still."""
        zombies = left = 0
        for pid in self._pids:
            try:
                stat = Path(f"/proc/{pid}/stat").read_text()
            except (FileNotFoundError, ProcessLookupError):
                continue
            state, parent = stat.rpartition(")")[2].split()[:2]
            # Another process may have the number by now.
            if int(parent) == os.getpid():
                zombies += state == "Z"
                left += state != "Z"
        return zombies, left

    def _workers_left(self) -> int:
        """Count the workers of killed engines that have not seen the end of it."""
        deadline, pause = time.monotonic() + ENDING, threading.Event()
        while (left := sum(map(_is_worker, self._workers))) and time.monotonic() < deadline:
            pause.wait(0.05)
        return left


def _children_of(pid: int) -> set[int]:
    """Return the worker processes of an engine."""
    found = Path(f"/proc/{pid}/task").glob("*/children")
    return {int(child) for each in found for child in each.read_text().split() if _is_worker(int(child))}


def _is_worker(pid: int) -> bool:
    try:
        return b"depthactors.worker.worker" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return False


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Run it; returns what is printed."""
    return Kill(options).run()
