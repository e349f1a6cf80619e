"""The faults of a run: a list of values, made from the seed before the run begins.

A run with one of them left out is otherwise the same: so a failure is shrunk.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from depthactors.exchange.fault import KINDS, Fault, Place

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from random import Random

LATE = "late"
STALL = "stall"
SLOW_SUBSCRIBE = "slow-subscribe"
LOST_SUBSCRIBE = "lost-subscribe"
SLOW_REST = "slow-rest"

OF_LINES = {
    LATE: "what the exchange sends on a connection within `seconds` arrives up to 3 s late, one by one",
    STALL: "a connection is not read for `seconds`, then everything at once",
    SLOW_SUBSCRIBE: "the exchange takes `seconds` for a SUBSCRIBE, and for what is sent after it",
    LOST_SUBSCRIBE: "a SUBSCRIBE is neither carried out nor answered",
    SLOW_REST: "the answer to a depth request takes `seconds` longer",
}
"""Faults of the lines between client and exchange, beside those of the exchange itself."""

OF_PROGRAM = {
    "book-dies": "a book's actor is sent what ends it",
    "socket-dies": "a socket actor is sent what ends it",
    "snapshots-die": "the snapshot actor is sent what ends it",
    "stand-still": "the engine's process stands still for `seconds`, while its connections are read",
    "sleep": "the symbol's next callback takes `seconds`",
    "raise": "the symbol's next callback raises",
}
"""Faults of the engine's own process, and of the program's callbacks."""

OF_WORKERS = {
    "worker-killed": "a worker process is killed",
    "worker-stands-still": "a worker process stands still for `seconds`, while its connections are read",
    "worker-upgraded": "a worker process is killed, and its successor is of another version, unless it is the only one",
    "worker-logs": "a worker process has up to a hundred log records at once",
    "rebalance": "the books are spread over one, two or three workers",
    "worker-supervisor-dies": "the supervisor in a worker process is sent what ends it",
    "channel-stalls-up": "nothing that a worker sends arrives for `seconds`",
    "channel-stalls-down": "nothing that is sent to a worker arrives for `seconds`",
}
"""Faults of worker processes, of which one is chosen by `pick`, and of their channels."""

DEADLY = frozenset({"worker-killed", "worker-stands-still", "worker-upgraded", "worker-supervisor-dies"})
"""Those after which a worker process is replaced, or may be."""

BELOW = {"split": "fragments are joined by the socket's reader, below the frames"}
"""Kinds of the local exchange that the simulation cannot have, and why."""

ALL = tuple(kind for kind in (*KINDS, *OF_LINES) if kind not in BELOW)
"""Every kind that a run can have."""

_SECONDS = {
    "delay": (0.2, 5.0),
    "burst": (1.0, 5.0),
    "shutdown": (1.0, 30.0),
    "closed": (1.0, 60.0),
    "slow-accept": (0.5, 8.0),
    "handshake-429": (1.0, 20.0),
    "handshake-403": (0.0, 10.0),
    "429": (1.0, 20.0),
    "429-date": (1.0, 20.0),
    "418": (1.0, 40.0),
    "418-body": (1.0, 40.0),
    "403": (0.0, 10.0),
    "time-out": (1.0, 40.0),
    "cached-snapshot": (1.0, 30.0),
    LATE: (1.0, 20.0),
    STALL: (0.5, 8.0),
    SLOW_SUBSCRIBE: (0.5, 15.0),
    SLOW_REST: (0.5, 8.0),
    "stand-still": (0.1, 8.0),
    "sleep": (0.1, 20.0),
    "worker-stands-still": (0.1, 8.0),
    "channel-stalls-up": (0.1, 8.0),
    "channel-stalls-down": (0.1, 8.0),
}
"""The shortest and the longest duration of the kinds that have one."""

_OCCASION = {Place.SUBSCRIBE: "cut", Place.CONNECT: "cut", Place.HANDSHAKE: "cut", Place.REST: "drop"}
"""What brings about an occasion soon: a reconnect, or a gap after which a snapshot is asked for."""
_ON_CONNECT = frozenset({SLOW_SUBSCRIBE, LOST_SUBSCRIBE})
_MOST_IN_A_ROW = 3


class PlannedFault(NamedTuple):
    """One fault.

    Attributes:
        at: seconds after the run's beginning; it strikes at its next occasion from then on.
        kind: one of `ALL`.
        symbol: the symbol whose occasions count; `None` where any does.
        seconds: its duration, for the kinds that have one.
        count: number of occasions in a row at which it strikes.
        levels: the most levels of a snapshot, for `capped`.
        pick: which of the connections, workers or actors it concerns: a share of their number, below 1.
    """

    at: float
    kind: str
    symbol: str | None = None
    seconds: float = 1.0
    count: int = 1
    levels: int = 1
    pick: float = 0.0

    def fault(self) -> Fault:
        """Return it as a fault of the local exchange."""
        return Fault(
            self.kind,
            symbol=self.symbol,
            every=1,
            count=self.count,
            seconds=self.seconds,
            levels=self.levels if self.kind == "capped" else None,
        )


def plan(
    random: Random, seconds: float, symbols: Sequence[str], *, every: float = 60.0, kinds: Iterable[str] = ALL
) -> list[PlannedFault]:
    """Draw the faults of a run, in the order of their times.

    Args:
        random: what they are drawn by.
        seconds: how long the run is.
        symbols: the symbols that they concern.
        every: seconds from one to the next, on average. One that needs a new connection or a snapshot as its occasion
            comes with another one that brings it about.
        kinds: the kinds to draw from.
    """
    drawn = tuple(kinds)
    faults: list[PlannedFault] = []
    at = random.expovariate(1 / every)
    while at < seconds:
        faults += _drawn(random, at, drawn[int(len(drawn) * random.random())], symbols)
        at += random.expovariate(1 / every)
    return sorted(faults)


def _drawn(random: Random, at: float, kind: str, symbols: Sequence[str]) -> list[PlannedFault]:
    symbol = symbols[int(len(symbols) * random.random())]
    shortest, longest = _SECONDS.get(kind, (1.0, 1.0))
    place = KINDS[kind][0] if kind in KINDS else None
    fault = PlannedFault(
        round(at, 3),
        kind,
        symbol if place in {Place.EVENT, Place.SUBSCRIBE, Place.REST} or kind in OF_PROGRAM else None,
        round(shortest + (longest - shortest) * random.random(), 3),
        1 + int(_MOST_IN_A_ROW * random.random()) if place is Place.REST else 1,
        1 + int(200 * random.random()),
        round(min(random.random(), 0.999), 3),
    )
    occasion = "cut" if kind in _ON_CONNECT else "drop" if kind == SLOW_REST else place and _OCCASION.get(place)
    return [fault, PlannedFault(round(at + 0.5, 3), occasion, symbol)] if occasion else [fault]
