"""`pipe`: the whole way from the exchange's socket to a callback that reads the best five levels of both sides.

The exchange has a process of its own, and each client has one. All symbols together bring the same number of frames
a second, however many they are. CPU is the client process's own, all of its threads; a latency is from the moment
at which the exchange made an event to the callback's end. The sustained rate is the highest of a ladder at which 99
of 100 updates come within a tenth of a second; latency is told at a tenth of that, and at one rate for all clients.
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
WARM_UP = 7.0
"""Seconds until books have as many levels as their market needs, and caches are filled."""
LADDER = 1.5
STEP = 2.0
"""Seconds on each rung."""
HIGHEST = 40_000.0
LATE_MS = 100.0


class Client(Program):
    """One client with its symbols on one exchange."""

    def __init__(self, name, exchange) -> None:
        ours = name not in PEERS
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


def follow(clients, symbols, *, seconds, repeat) -> list[dict]:
    """Let clients follow so many symbols; returns a row for each."""
    rows = {name: {"client": name, "symbols": symbols} for name in clients}
    usual = {name: [] for name in clients}
    # In turns, since the machine is not equally fast all the time.
    for _ in range(repeat):
        for name, row in rows.items():
            _try(row, usual[name].append, _usually, name, symbols, seconds)
    for name, row in rows.items():
        if "failure" not in row:
            row.update(_sum_up(usual[name]))
            _try(row, row.update, _climb, name, symbols)
        if row.get("sustained"):
            # A fresh client: one that was overrun on the ladder may not come to itself again.
            _try(row, row.update, _be_late, name, symbols, row["sustained"] / 10, seconds)
    return list(rows.values())


def _try(row, take, measure, name, symbols, *how):
    """Measure with a new exchange and a new client, unless one failed before."""
    if "failure" in row:
        return
    try:
        with Exchange(symbols, RATE) as exchange, Client(name, exchange) as client:
            client.hear(STARTING)
            take(measure(client, *how))
    except (TimeoutError, RuntimeError, OSError) as error:
        row["failure"] = str(error)


def _usually(client, seconds):
    client.measure(RATE, WARM_UP)
    window = client.measure(RATE, seconds)
    if not window.told["updates"]:
        msg = f"{client.name} showed nothing for {seconds:g} s"
        raise RuntimeError(msg)
    return window


def _sum_up(usual):
    median_of = {name: median(window.told["late_ms"][name] for window in usual) for name in usual[0].told["late_ms"]}
    return {
        "cpu_us": spread([window.cpu_us for window in usual]),
        "own_us": spread([1e6 * window.told["own_cpu"] / window.sent for window in usual]),
        "shown": median(window.shown for window in usual),
        "threads": usual[-1].told["threads"],
        "rss_mb": usual[-1].told["rss_mb"],
        "late": median_of,
    }


def _climb(client):
    best, cpu_us, limit, window = 0.0, None, "", _usually(client, STEP)
    while window.in_time and window.rate < HIGHEST:
        best, cpu_us = window.sent / window.told["seconds"], window.cpu_us
        if window.exchange_is_behind:
            limit = "the exchange's"
            break
        window = client.measure(window.rate * LADDER, STEP)
    return {"sustained": best, "busy_cpu_us": cpu_us, "limit": limit}


def _be_late(client, rate, seconds):
    client.measure(rate, WARM_UP)
    return {"latency": client.measure(rate, seconds).told["late_ms"]}


def run(options) -> Result:
    """Follow 1 to 1,000 symbols with each client."""
    clients = OURS + (PEERS if options.peers else ())
    rows = []
    for symbols in options.symbols or SYMBOLS:
        able = [client for client in clients if symbols <= MOST_SYMBOLS.get(client, symbols)]
        rows += follow(able, symbols, seconds=options.seconds, repeat=options.repeat)
    return Result(f"{_table(rows)}\n\n{_checks(rows)}", {"rows": rows})


def _table(rows):
    header = ["symbols", "client", f"CPU us a frame at {RATE:g} a second", "shown", f"p99 ms at {RATE:g} a second"]
    header += ["sustained a second", "CPU us a frame there", "p50 ms", "p99 ms", "p99.9 ms at a tenth", "threads", "MB"]
    return table(header, [_line(row) for row in rows])


def _line(row):
    start = [row["symbols"], row["client"]]
    if "failure" in row:
        return [*start, row["failure"], *[""] * 9]
    late = row.get("latency")
    at_least = "> " if row["limit"] else ""
    return [
        *start,
        "{:.0f} ({:.0f} to {:.0f})".format(*row["cpu_us"]),
        f"{row['shown']:.0%}",
        f"{row['late']['p99']:.2f}",
        f"{at_least}{row['sustained']:.0f}",
        f"{row['busy_cpu_us']:.0f}" if row["busy_cpu_us"] else "-",
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
        for kind, rate in {"latency": "a tenth of the own sustained rate", "late": "one rate for all"}.items():
            p99 = {
                client: row[kind]["p99"]
                for client in OURS[:1] + PEERS
                if (row := good.get((client, symbols))) and row.get(kind)
            }
            peers = [p99[client] for client in PEERS if client in p99]
            if peers and OURS[0] in p99:
                name = f"p99 latency at {symbols} symbols and {rate}, ours : the best peer's"
                pairs[name] = (p99[OURS[0]], min(peers), 1 / 3)
    return "\n".join(ratio_words(name, *pair) for name, pair in pairs.items() if None not in pair)
