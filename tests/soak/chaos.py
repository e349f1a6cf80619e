"""What goes wrong, when, and to whom: drawn from a seed, at a level."""

from __future__ import annotations

import signal
import threading
import time
from random import Random
from typing import TYPE_CHECKING, Final, NamedTuple

from depthactors.actors.supervision import RESTART_SECONDS, RESTARTS
from depthactors.exchange import KINDS, Fault
from depthactors.exchange.fault import Place
from depthactors.pacing import RestartIntensity
from tests.soak import drop_in, hostile_log, processes

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Self

    from depthactors.exchange import LocalExchange
    from tests.soak.outages import Outages
    from tests.soak.saboteur import Saboteur

RAISED: Final = (ZeroDivisionError, MemoryError, SystemExit, KeyboardInterrupt, RecursionError)


class Level(NamedTuple):
    """How bad it gets.

    Attributes:
        pause: seconds between two faults of single books or requests.
        connection_pause: seconds between two faults of a whole connection, or of the engine's own actors.
    """

    pause: float
    connection_pause: float


LEVELS: Final = {"none": None, "light": Level(3.0, 60.0), "usual": Level(0.7, 15.0), "heavy": Level(0.2, 6.0)}

BOOK_KINDS: Final = (
    "drop",
    "duplicate",
    "reorder",
    "delay",
    "burst",
    "split",
    "garbage",
    "wrong-types",
    "new-ids",
    "closed",
)
LIMITING: Final = ("429", "418", "429-date", "418-body", "403")
REST_KINDS: Final = (
    *LIMITING,
    "500",
    "time-out",
    "truncate",
    "stale",
    "mismatch",
    "empty-snapshot",
    "cached-snapshot",
    "unlisted",
    "capped",
)
SUBSCRIBE_KINDS: Final = ("unserved", "refused-subscribe", "too-many-streams")
CONNECTION_KINDS: Final = (
    *("cut", "reset", "half-open", "shutdown", "expire", "refuse", "slow-accept", "handshake-429", "handshake-403"),
    *SUBSCRIBE_KINDS,
)
ACTORS: Final = ("book", "socket", "snapshots", "reader", "worker")
WORKERS: Final = ("kill process", "stop process", "halt process")
"""What happens to a worker process: it is killed, stopped and let go on a moment later, or stopped for good."""
STOPPED: Final = 2.0
"""Seconds for which a process is stopped that goes on: fewer than the engine takes for its end."""
ENGINE: Final = ("stop engine",)
"""What happens to the engine's process beside its workers: it is stopped, as by a debugger, and let go on."""
ENGINE_STOPPED: Final = 8.0
"""Seconds for which it is stopped: more than a worker's pipe lasts, or anything else that waits for an answer."""
CALLBACKS: Final = ("callback raises", "callback sleeps", "callback lets go", *drop_in.KINDS)
CAPPED: Final = 6
"""Most replies in a row in which a book gets too few levels; each is followed by a longer wait than the one before."""
INSIDE: Final = ("drop backlog",)
"""What the supervisor does to a book when all books together have too much waiting."""
SECONDS: Final = {
    "cached-snapshot": 5.0,
    "closed": 5.0,
    "429": 2.0,
    "418": 4.0,
    "time-out": 3.0,
    "slow-accept": 2.0,
    "burst": 2.0,
    "shutdown": 3.0,
}

assert {*BOOK_KINDS, *REST_KINDS, *CONNECTION_KINDS} == set(KINDS), "every fault of the exchange is in the soak"


class Chaos:
    """A thread that lets things go wrong until it is stopped.

    Attributes:
        done: how often each kind was brought about.
    """

    def __init__(
        self,
        exchange: LocalExchange,
        saboteur: Saboteur,
        outages: Outages,
        symbols: Sequence[str],
        disturb: Callable[[str, str], None],
        level: Level | None,
        seed: int,
        *,
        workers: bool = False,
    ) -> None:
        """Prepare.

        Args:
            exchange: whose faults are injected.
            saboteur: for the engine's own handlers.
            outages: told of each fault.
            symbols: of the books.
            disturb: lets the callback of a symbol or the log raise or wait, or drops its backlog, by the kind's name.
            level: how bad; `None` for not at all.
            seed: of every draw.
            workers: whether the books are in worker processes, whose actors nobody can reach from here.
        """
        self.done: dict[str, int] = {}
        self._exchange = exchange
        self._saboteur = saboteur
        self._outages = outages
        self._symbols = list(symbols)
        self._disturb = disturb
        self._level = level
        self._random = Random(seed)
        self._to_actors = (
            (*WORKERS, *ENGINE) if workers else tuple(f"kill {actor}" for actor in ACTORS if actor != "book")
        )
        # From the end: one at once, however short the run, and one that longer runs are to have in any case.
        self._first = [*ENGINE, WORKERS[0]] if workers else []
        self._deaths: dict[str, RestartIntensity] = {}
        self._disturbing = CALLBACKS if workers else (*CALLBACKS, *INSIDE)
        self._over = threading.Event()
        self._threads = (
            [
                threading.Thread(target=self._run, args=(pause, act), name="soak-chaos")
                for pause, act in ((level.pause, self._small), (level.connection_pause, self._large))
                if level is not None
            ]
            if level is not None
            else []
        )

    def __enter__(self) -> Self:
        if self._first and self._threads:
            # However short the run.
            self._large()
        for kind in hostile_log.KINDS if self._threads else ():
            self._disturb(kind, "")
            self._note(kind, [])
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Let nothing go wrong any more; idempotent."""
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _run(self, pause: float, act: Callable[[], None]) -> None:
        while not self._over.wait(self._random.expovariate(1.0 / pause)):
            act()

    def _small(self) -> None:
        # They silence everybody: few of them, or there is nothing else to see.
        usual = [*BOOK_KINDS, *REST_KINDS[len(LIMITING) :], *self._disturbing, *hostile_log.KINDS, "kill book"]
        kind = self._random.choice([*usual * 3, *self._random.sample(LIMITING, 2)])
        symbol = self._random.choice(self._symbols)
        if kind in self._disturbing or kind in hostile_log.KINDS:
            self._disturb(kind, symbol)
        elif kind == "kill book":
            if not self._may_die(symbol):
                return
            self._saboteur.set("book", self._random.choice(RAISED)(), f"book-{symbol}")
        elif kind == "capped":
            self._cap(symbol)
        elif kind in REST_KINDS:
            # Whoever asks next; a refresh, as often as not.
            self._inject(Fault(kind, seconds=SECONDS.get(kind, 1.0)))
        else:
            self._inject(Fault(kind, symbol=symbol, seconds=SECONDS.get(kind, 1.0)))
        concerned = self._symbols if kind in REST_KINDS else [symbol]
        self._note(kind, [] if kind in hostile_log.KINDS else concerned)

    def _large(self) -> None:
        kind = self._first.pop() if self._first else self._random.choice([*CONNECTION_KINDS, *self._to_actors])
        symbol = self._random.choice(self._symbols)
        if kind in self._to_actors and kind not in ENGINE and not self._may_die("worker" if kind in WORKERS else kind):
            return
        if kind in WORKERS:
            self._strike_worker(kind)
        elif kind in ENGINE:
            processes.stop_this_one(ENGINE_STOPPED)
        elif kind.startswith("kill "):
            self._saboteur.set(kind.removeprefix("kill "), self._random.choice(RAISED)())
        elif KINDS[kind][0] is Place.EVENT:
            self._inject(Fault(kind, symbol=symbol, seconds=SECONDS.get(kind, 1.0)))
        else:
            # They strike when somebody connects or subscribes: see to it that somebody does.
            self._inject(
                Fault(kind, symbol=symbol if kind in SUBSCRIBE_KINDS else None, seconds=SECONDS.get(kind, 1.0))
            )
            self._inject(Fault("cut", symbol=symbol))
        self._note(kind, self._symbols)

    def _may_die(self, child: str) -> bool:
        """Count a death of a child of the supervisor, which gives up, and is to, one that dies more often than that."""
        # One fewer: what is set may strike a moment later.
        intensity = self._deaths.setdefault(child, RestartIntensity(RESTARTS - 1, RESTART_SECONDS))
        return intensity.allows(time.monotonic())

    def _cap(self, symbol: str) -> None:
        """Grant one book fewer levels than it asks for, a few times in a row, and let it ask."""
        draw = self._random
        # The same number each time, as a venue's cap is, or another one; at each size of request, or above the least.
        fault = Fault(
            "capped",
            symbol=symbol,
            count=draw.randint(1, CAPPED),
            every=1,
            levels=draw.choice([None, draw.randint(1, 120)]),
            side=draw.choice([None, None, "bid", "ask"]),
            above=draw.choice([0, 0, 100]),
            seed=draw.getrandbits(32),
        )
        self._inject(fault)
        self._inject(Fault("drop", symbol=symbol))

    def _strike_worker(self, kind: str) -> None:
        running = processes.workers()
        if not running:
            return
        pid = self._random.choice(running)
        processes.send(pid, signal.SIGKILL if kind == "kill process" else signal.SIGSTOP)
        if kind == "stop process":
            self._over.wait(STOPPED)
            processes.send(pid, signal.SIGCONT)

    def _inject(self, fault: Fault) -> None:
        self._exchange.inject(fault)

    def _note(self, kind: str, symbols: Sequence[str]) -> None:
        self.done[kind] = self.done.get(kind, 0) + 1
        self._outages.fault(kind, symbols)
