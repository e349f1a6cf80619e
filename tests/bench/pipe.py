"""`pipe`: the whole way from the exchange's socket to a callback that reads the best five levels of both sides.

The exchange has a process of its own, and each client has one. All symbols together bring the same number of frames
a second, however many they are. CPU is the client process's own, all of its threads; a latency is from the moment
at which the exchange made an event to the callback's end. The sustained rate is the highest of a ladder at which 99
of 100 updates come within a tenth of a second; latency is told at a tenth of that.
"""

from __future__ import annotations

import sys
from statistics import median
from typing import NamedTuple

from tests.bench.environment import peers_python
from tests.bench.exchange import HERE, ROOT, Exchange
from tests.bench.processes import Program
from tests.bench.report import Result, ratio_words, table
from tests.bench.timing import spread

SYMBOLS = (1, 10, 100, 500, 1000)
OURS = ("depthactors_engine", "depthactors_manager")
PEERS = ("ccxt_pro", "python_binance")
MOST_SYMBOLS = {"python_binance": 100}
"""It opens a connection a symbol, and does not get so far with more."""
STARTING = 120.0
RATE = 500.0
"""Frames a second at which CPU is measured: one that every client can follow."""
WARM_UP = 10.0
"""Seconds until books have as many levels as their market needs, and caches are filled."""
LADDER = 1.5
STEP = 2.0
"""Seconds on each rung."""
HIGHEST = 40_000.0
LATE_MS = 100.0
DRAIN = 10


class Client(Program):
    """One client with its symbols on one exchange."""

    def __init__(self, name, exchange) -> None:
        ours = name in OURS
        script = HERE / "clients" / f"{name}.py"
        command = [sys.executable if ours else peers_python(), script, exchange.port, *exchange.symbols]
        super().__init__(command, path=ROOT if ours else None)
        self._exchange = exchange
        self._rate = RATE

    def measure(self, rate, seconds) -> Window:
        """Measure at so many frames a second."""
        self._exchange.play(rate)
        if rate != self._rate:
            # Each symbol's next event still comes at the rate of before.
            self._measure(min(2.0, len(self._exchange.symbols) / self._rate))
            self._rate = rate
        before = self._exchange.play(rate)
        told = self._measure(seconds)
        return Window(rate, self._exchange.play(rate) - before, told)

    def _measure(self, seconds):
        self.tell(seconds)
        return self.hear(seconds + STARTING)


class Window(NamedTuple):
    """What one client did meanwhile.

    Attributes:
        rate: frames a second that were wanted of the exchange.
        sent: frames that it made.
        told: what the client's meter told.
    """

    rate: float
    sent: int
    told: dict

    @property
    def cpu_us(self):
        """CPU microseconds a frame."""
        return 1e6 * self.told["cpu"] / self.sent

    @property
    def shown(self):
        """The share of frames that a callback was called for."""
        return self.told["updates"] / self.sent

    @property
    def in_time(self):
        """Whether it kept up."""
        late = self.told["late_ms"]
        return late is not None and late["p99"] < LATE_MS

    @property
    def exchange_is_behind(self):
        """Whether the exchange did not get so far itself."""
        return self.sent < 0.9 * self.rate * self.told["seconds"]


def follow(name, symbols, *, seconds, repeat) -> dict:
    """Let one client follow so many symbols; returns its row."""
    row = {"client": name, "symbols": symbols}
    with Exchange(symbols, RATE) as exchange, Client(name, exchange) as client:
        try:
            client.hear(STARTING)
            client.measure(RATE, WARM_UP)
            usual = [client.measure(RATE, seconds) for _ in range(repeat)]
            row |= {
                "cpu_us": spread([window.cpu_us for window in usual]),
                "shown": median(window.shown for window in usual),
                "threads": usual[-1].told["threads"],
                "rss_mb": usual[-1].told["rss_mb"],
                "late": usual[-1].told["late_ms"],
            }
            row |= _climb(client)
            row |= {"latency": _latency(client, row["sustained"] / 10, seconds)}
        except (TimeoutError, RuntimeError, OSError) as error:
            row["failure"] = str(error)
    return row


def _climb(client):
    best, limit, window = 0.0, "", client.measure(RATE / 4, STEP)
    while window.in_time and window.rate < HIGHEST:
        best = window.sent / window.told["seconds"]
        if window.exchange_is_behind:
            limit = "the exchange's"
            break
        window = client.measure(max(RATE / 4, window.rate) * LADDER, STEP)
    return {"sustained": best, "limit": limit}


def _latency(client, rate, seconds):
    if not rate:
        return None
    for _ in range(DRAIN):
        if client.measure(rate, 1.0).in_time:
            return client.measure(rate, seconds).told["late_ms"]
    return None


def run(options) -> Result:
    """Follow 1 to 1,000 symbols with each client."""
    clients = OURS + (PEERS if options.peers else ())
    rows = [
        follow(client, symbols, seconds=options.seconds, repeat=options.repeat)
        for symbols in options.symbols or SYMBOLS
        for client in clients
        if symbols <= MOST_SYMBOLS.get(client, symbols)
    ]
    return Result(f"{_table(rows)}\n\n{_checks(rows)}", {"rows": rows})


def _table(rows):
    header = ["symbols", "client", "CPU us a frame", "shown", "sustained a second"]
    header += ["p50 ms", "p99 ms", "p99.9 ms", "threads", "MB"]
    return table(header, [_line(row) for row in rows])


def _line(row):
    start = [row["symbols"], row["client"]]
    if "failure" in row:
        return [*start, row["failure"], *[""] * 7]
    late = row["latency"] or {}
    at_least = "> " if row["limit"] else ""
    return [
        *start,
        "{:.0f} ({:.0f} to {:.0f})".format(*row["cpu_us"]),
        f"{row['shown']:.0%}",
        f"{at_least}{row['sustained']:.0f}",
        *(f"{late[name]:.2f}" if late else "-" for name in ("p50", "p99", "p99.9")),
        row["threads"],
        f"{row['rss_mb']:.0f}",
    ]


def _checks(rows):
    good = {(row["client"], row["symbols"]): row for row in rows if "failure" not in row}
    cpu = {key: row["cpu_us"].median for key, row in good.items()}
    pairs = {
        "CPU a frame, 100 symbols : 1 symbol": (cpu.get((OURS[0], 100)), cpu.get((OURS[0], 1)), 1.5),
        "CPU a frame, 1,000 symbols : 1 symbol": (cpu.get((OURS[0], 1000)), cpu.get((OURS[0], 1)), 2.5),
        "CPU a frame at 100 symbols, ours : python-binance": (
            cpu.get((OURS[0], 100)),
            cpu.get(("python_binance", 100)),
            0.1,
        ),
        "CPU a frame at 100 symbols, ours : ccxt Pro": (cpu.get((OURS[0], 100)), cpu.get(("ccxt_pro", 100)), 1 / 3),
    }
    for symbols in sorted({row["symbols"] for row in rows}):
        p99 = {client: _p99(good.get((client, symbols))) for client in OURS[:1] + PEERS}
        best = min((late for client, late in p99.items() if client in PEERS and late is not None), default=None)
        pairs[f"p99 latency at {symbols} symbols, ours : the best peer's"] = (p99[OURS[0]], best, 1 / 3)
    return "\n".join(ratio_words(name, *pair) for name, pair in pairs.items() if None not in pair)


def _p99(row):
    return row["latency"]["p99"] if row and row.get("latency") else None
