"""`python -m tests.soak`: an engine against the local exchange with everything on, and what came of it."""

from __future__ import annotations

import argparse
import gc
import logging
import os
import threading
import time
from contextlib import ExitStack, contextmanager
from decimal import Decimal
from random import Random
from typing import TYPE_CHECKING, Any

from depthactors import BookState, DepthEngine, DepthReader, reporting
from depthactors.actors.book_messages import Dropped
from depthactors.dispatcher.mailbox import mailbox_of, tell
from depthactors.errors import BacklogError
from depthactors.exchange import LocalExchange
from tests.soak import drop_in, processes
from tests.soak.chaos import ENGINE, INSIDE, LEVELS, WORKERS, Chaos
from tests.soak.checker import Checker
from tests.soak.drop_in import DropIn
from tests.soak.guide_program import GuideProgram
from tests.soak.hostile_log import HostileLog
from tests.soak.memory import rss_mb
from tests.soak.outages import Outages
from tests.soak.saboteur import PLACES, PLACES_BESIDE_WORKERS, Saboteur

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from depthactors import BookEvent, BookHandle, BookView
    from depthactors.status import BookStatus, EngineStatus

POISONED = "POISONUSDT"
DEPTHS = (5, 10, 10, 20, 20, 20, 50, 50, 50, 100)
LIMITS = {"connections": 100_000, "refusals": 1_000}
"""The exchange's own limits, but for those of which a soak uses up a day's worth in minutes."""
RECOVERY = 60.0
"""Seconds within which every book must be live once nothing goes wrong any more.

What is under way then is over in half of it: six replies that are cut (`chaos.CAPPED`) are followed by waits of 0.5 s
and twice the last, 32 s together; a stream that is acknowledged and not served is noticed in 28 s, while such replies
are met; each other fault costs a request, at most 8 s after the one before, or a few seconds of silence.
"""


class Soak:
    """One run."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.symbols = [f"SYM{number}USDT" for number in range(options.symbols)]
        self.outages = Outages()
        self.has_workers = options.processes is not None
        self.saboteur = Saboteur(PLACES_BESIDE_WORKERS if self.has_workers else PLACES)
        self.name = f"soak-{os.getpid()}" if self.has_workers else None
        self._reader: DepthReader | None = None
        self._disturbed: dict[str, str] = {}
        self._handles: dict[str, BookHandle] = {}
        self._hostile_log = HostileLog()
        self._given_up: set[str] = set()
        self._random = Random(f"{options.seed}/readers")
        self._drop_in: DropIn | None = None
        self._further: dict[str, tuple[BookHandle, threading.Event]] = {}
        self.late = 0

    def run(self) -> dict[str, Any]:
        """Run it; returns what is printed."""
        options, begun = self.options, time.monotonic()
        threads_before = threading.active_count()
        self.saboteur.poison(f"book-{POISONED}")
        with ExitStack() as stack:
            exchange = stack.enter_context(self._exchange())
            os.environ["DEPTHACTORS_EXCHANGE"] = exchange.url
            checker = stack.enter_context(Checker(exchange))
            stack.enter_context(self.saboteur.at_work())
            stack.enter_context(self._logging())
            engine = stack.enter_context(self._engine())
            program = stack.enter_context(GuideProgram(checker, self.symbols[0], options.market))
            handles = [self._follow(engine, checker, symbol) for symbol in self.symbols]
            # A callback, for a stand-in hears of no update without one; and it never gets so far.
            poisoned = engine.subscribe(POISONED, depth=10, on_update=id if self.has_workers else None)
            for handle in handles:
                handle.wait_live(60.0)
            self._drop_in = stack.enter_context(DropIn(checker, self.symbols[:3], options.market))
            started = time.monotonic() - begun
            rss = [rss_mb()]
            threads = threading.active_count()
            chaos = Chaos(
                exchange,
                self.saboteur,
                self.outages,
                self.symbols,
                self._disturb,
                LEVELS[options.faults],
                options.seed,
                workers=self.has_workers,
            )
            if self.name is not None:
                self._reader = stack.enter_context(DepthReader(self.name, number=Decimal))
            with chaos:
                end = time.monotonic() + options.minutes * 60
                while (left := end - time.monotonic()) > 0:
                    self._read_for(handles, checker, min(10.0, left))
                    rss.append(rss_mb())
                    if options.verbose:
                        self._say(engine, checker, rss[-1])
            calm = time.monotonic()
            self._disturbed.clear()
            live = self._settle(handles)
            settled = time.monotonic() - calm
            for handle in handles:
                checker.seen(handle.view(), handle.depth)
            status = engine.status()
            threads_live = threading.active_count()
            given_up = self._end_supervisor(engine, handles) if options.end == "supervisor" else 0
            stop = time.monotonic()
            self._drop_in.__exit__()
            engine.stop()
            stopped = time.monotonic() - stop
            strikes = exchange.strikes()
        gc.collect()
        left = processes.children()
        files_left = [] if self.name is None else processes.shared_files(self.name)
        counters = [row.counters for row in status.books if row.symbol != POISONED]

        def total(name: str) -> int:
            return sum(getattr(each, name) for each in counters)

        return {
            "minutes": options.minutes,
            "symbols": options.symbols,
            "seed": options.seed,
            "faults level": options.faults,
            "all live after": f"{started:.2f} s",
            "updates": checker.updates,
            "views compared": checker.compared,
            "mismatches": len(checker.mismatches),
            "faults": dict(sorted(chaos.done.items())),
            "strikes of the exchange": strikes,
            "handlers that raised": self.saboteur.sprung,
            "log handler": self._hostile_log.done,
            "drop-in": self._drop_in.words,
            "called after unsubscribe": self.late,
            "drop-in program": f"{program.updates} updates, {program.ends} ends, stopped by {program.stopped_by}",
            "gaps": total("gaps"),
            "resyncs": total("resyncs"),
            "refreshes": total("refreshes"),
            "handovers": total("handovers"),
            "audits": total("audits"),
            "audit differences": total("audit_differences"),
            "coalesced": total("coalesced"),
            "restarts of books": sum(row.restarts for row in status.books if row.symbol != POISONED),
            "rotations": sum(row.rotations for row in status.sockets),
            "429s and 418s": sum(row.limited for row in status.pools),
            "outages": dict(sorted(self.outages.counts.items())),
            "longest time to LIVE, s": {
                kind: round(seconds, 2) for kind, seconds in sorted(self.outages.longest.items())
            },
            "live at the end": f"{live} of {len(handles)}, {settled:.1f} s after the last fault"
            + "".join(f", {row.symbol} {row.state}: {row.error}" for row in status.books if self._is_missed(row))
            + ("" if live == len(handles) else self._waits(status)),
            "poisoned symbol": f"{poisoned.state}, {poisoned.error}",
            **(
                {"told of the supervisor's end": f"{given_up} of {len(handles)}"} if options.end == "supervisor" else {}
            ),
            "rss, MB": f"{rss[0]:.0f} at the start, {max(rss):.0f} at most, {rss[-1]:.0f} at the end",
            "threads": f"{threads} at the start, {threads_live} at the end, "
            f"{threading.active_count() - threads_before} left after the stop, which took {stopped:.2f} s",
            **(self._about_workers(chaos, status, left, files_left) if self.has_workers else {}),
            "_passed": not checker.mismatches
            and self._drop_in.passed
            and not self.late
            and program.passed
            and not (self.has_workers and (left or files_left))
            and live == len(handles)
            and (options.end != "supervisor" or given_up == len(handles))
            and poisoned.state is BookState.FAILED
            and threading.active_count() == threads_before,
            "_mismatches": checker.mismatches[:5],
        }

    def _exchange(self) -> LocalExchange:
        options = self.options
        return LocalExchange.with_order_flow(
            [*self.symbols, POISONED],
            market=options.market,
            seed=options.seed,
            rate=options.rate,
            levels=8.0,
            depth=400,
            history=300,
            limits=LIMITS | {"connection_life": 90.0},
        )

    def _engine(self) -> DepthEngine:
        return DepthEngine(
            market=self.options.market,
            number=Decimal,
            refresh_interval=30.0,
            rotate_after=45.0,
            silence_limit=2.0,
            read_timeout=5.0,
            name=self.name,
            processes=self.options.processes,
        )

    def _follow(self, engine: DepthEngine, checker: Checker, symbol: str) -> BookHandle:
        depth = DEPTHS[self.symbols.index(symbol) % len(DEPTHS)]

        def on_update(view: BookView) -> None:
            checker.published(view, depth)
            kind = self._disturbed.pop(symbol, None)
            if kind == "callback raises":
                raise SystemExit(symbol)
            if kind == "callback sleeps":
                threading.Event().wait(1.0)
            if kind == "callback lets go":
                self._let_go(engine, symbol, depth)

        def on_event(event: BookEvent) -> None:
            self.outages.event(event)
            if event.state is BookState.FAILED:
                self._given_up.add(event.symbol)

        handle = engine.subscribe(symbol, depth=depth, on_update=on_update, on_event=on_event)
        self._handles[symbol] = handle
        return handle

    def _let_go(self, engine: DepthEngine, symbol: str, depth: int) -> None:
        """End the further subscription of a book, or begin one; in a callback that comes before its own."""
        further = self._further.pop(symbol, None)
        if further is not None:
            handle, ended = further
            engine.unsubscribe(handle)
            ended.set()
            return
        ended = threading.Event()

        def on_update(_view: BookView) -> None:
            self.late += ended.is_set()

        self._further[symbol] = engine.subscribe(symbol, depth=depth, on_update=on_update), ended

    def _disturb(self, kind: str, symbol: str) -> None:
        if kind in self._hostile_log.done:
            self._hostile_log.disturb(kind)
        elif kind in drop_in.KINDS:
            if self._drop_in is not None:
                self._drop_in.disturb(kind, symbol)
        elif kind in INSIDE:
            ref = self._handles[symbol].ref
            tell(ref, Dropped(mailbox_of(ref).drop_frames(), BacklogError(f"{symbol}: dropped by the saboteur")))
        else:
            self._disturbed[symbol] = kind

    @contextmanager
    def _logging(self) -> Iterator[None]:
        log = logging.getLogger("depthactors")
        log.addHandler(self._hostile_log)
        try:
            yield
        finally:
            reporting.flush()
            log.removeHandler(self._hostile_log)

    def _read_for(self, handles: Sequence[BookHandle], checker: Checker, seconds: float) -> None:
        """Take views as any thread may, some two hundred a second."""
        end, pause = time.monotonic() + seconds, threading.Event()
        while time.monotonic() < end:
            for handle in self._random.sample(list(handles), min(4, len(handles))):
                checker.seen(handle.view(), handle.depth)
                if self._reader is not None:
                    checker.seen(self._reader.view(handle.symbol), handle.depth)
            pause.wait(0.02)

    def _about_workers(
        self, chaos: Chaos, status: EngineStatus, left: list[processes.Child], files_left: list[Path]
    ) -> dict[str, Any]:
        kinds = (*WORKERS, *ENGINE)
        struck = {kind: self.outages.longest[kind] for kind in kinds if kind in self.outages.longest}
        return {
            "workers": f"{len(status.workers)}, killed or stopped "
            f"{sum(chaos.done.get(kind, 0) for kind in WORKERS)} times, replaced "
            f"{sum(row.restarts for row in status.workers)} times, longest time to LIVE after it "
            f"{max(struck.values(), default=0.0):.2f} s",
            "left at the end": f"{len(left)} processes, {sum(child.is_zombie for child in left)} of them zombies, "
            f"{len(files_left)} files in shared memory",
        }

    @staticmethod
    def _waits(status: EngineStatus) -> str:
        """What books may wait for that are not live."""
        pools = (
            f"; {row.name}: silent for {row.silent_for:.1f} s, {row.waiting} waiting, {row.under_way} under way, "
            f"{row.error}"
            for row in status.pools
        )
        sockets = (f"; {row.name}: retry in {row.retry_in:.1f} s, {row.error}" for row in status.sockets if row.error)
        return "".join((*pools, *sockets))

    @staticmethod
    def _is_missed(row: BookStatus) -> bool:
        return row.symbol != POISONED and row.state is not BookState.LIVE

    def _end_supervisor(self, engine: DepthEngine, handles: Sequence[BookHandle]) -> int:
        """Kill the supervisor, from which no book comes back; returns how many books say that they are over."""
        engine._runtime._supervisor.tell(object())
        engine.wait_stopped(RECOVERY)
        deadline, pause = time.monotonic() + RECOVERY, threading.Event()
        while time.monotonic() < deadline and len(self._given_up) < len(handles):
            pause.wait(0.01)
        return sum(handle.state is BookState.FAILED for handle in handles if handle.symbol in self._given_up)

    @staticmethod
    def _settle(handles: Sequence[BookHandle]) -> int:
        deadline, pause = time.monotonic() + RECOVERY, threading.Event()
        while time.monotonic() < deadline:
            if all(handle.state is BookState.LIVE for handle in handles):
                break
            pause.wait(0.1)
        return sum(handle.state is BookState.LIVE for handle in handles)

    @staticmethod
    def _say(engine: DepthEngine, checker: Checker, rss: float) -> None:
        status = engine.status()
        pool = status.pools[0] if status.pools else None
        print(
            f"  live {status.live} of {len(status.books)}, compared {checker.compared}, waiting {checker.waiting}, "
            f"mismatches {len(checker.mismatches)}, rss {rss:.0f} MB, "
            f"weight {pool.used_weight if pool else '-'}, queue {pool.waiting if pool else '-'}",
            flush=True,
        )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run from the command line; 0 if every view was right, every book live in the end, and nothing left behind."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--symbols", type=int, default=10)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--faults", choices=LEVELS, default="usual")
    parser.add_argument("--market", default="spot")
    parser.add_argument("--rate", type=float, default=10.0, help="events a second and symbol")
    parser.add_argument("--processes", type=int, metavar="N", help="keep the books in so many worker processes")
    parser.add_argument("--verbose", action="store_true", help="a line each ten seconds")
    parser.add_argument("--end", choices=("stop", "supervisor"), default="stop", help="what ends the engine")
    parser.add_argument("--log", metavar="FILE", help="where the engine's log goes")
    options = parser.parse_args(arguments)
    # What is raised on purpose fills the log of whoever wants none.
    logging.getLogger("pykka").setLevel(logging.CRITICAL)
    handler = logging.FileHandler(options.log) if options.log else logging.NullHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s %(threadName)s %(message)s"))
    engine_log = logging.getLogger("depthactors")
    engine_log.addHandler(handler)
    engine_log.setLevel(logging.INFO if options.log else logging.WARNING)
    engine_log.propagate = False
    threading.excepthook = lambda _: None
    result = Soak(options).run()
    for name, value in result.items():
        if not name.startswith("_"):
            print(f"{name}: {value}")
    for mismatch in result["_mismatches"]:
        print(f"MISMATCH {mismatch.view!r}: {mismatch.words}")
    return 0 if result["_passed"] else 1
