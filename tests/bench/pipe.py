"""`pipe`: the whole way from the exchange's socket to a callback that reads the best five levels of both sides.

The exchange has a process of its own, and each client has one. *Sustained* is the highest rate, of all books together,
at which a client shows at least 0.99 of the frames, leaves out none on purpose, and shows 99 of 100 within a tenth of a
second; it is found by bisection. `drain` is no client: it only empties the socket, and shows how far the generator
gets. A figure of a client that comes nearer to that than 1.3 times is marked as the generator's. CPU is the client
process's own, all of its threads; a latency is from the moment at which the exchange made an event to the callback's
end. Contestants take turns: each round has each of them once, and a calibration of the machine.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from tests.bench.calibration import calibrate, calibration_words
from tests.bench.environment import peers_python
from tests.bench.exchange import ROOT
from tests.bench.follower import MOST, RATE, Contestant, Plan, Visit
from tests.bench.frames import stage
from tests.bench.made import make_recording
from tests.bench.report import Result, at_least_words, ratio_words, table
from tests.bench.timing import spread

BOOKS = (1, 100, 1000)
OURS = ("depthactors_engine", "depthactors_manager")
PEERS = ("ccxt_pro", "cryptofeed_3", "python_binance")
"""The clients that ours is held against."""
CEILINGS = ("drain", "picows_socket")
NEED_PEERS = (*PEERS, "picows_socket")
HEADROOM = 1.3
LEFT_OUT = {
    "order-book": "a book without a client; cryptofeed 3 keeps its books in it",
    "nautilus_trader": "its live client runs inside its trading node only; its book is in `book`",
}
QUICK = Plan(seconds=1.5, repeat=1, precision=0.1)
GOALS = {1: 20_000, 100: 13_000, 1000: 10_000}


@dataclass
class Row:
    """What the rounds of one contestant gave, at one number of books.

    Attributes:
        contestant: its name.
        client: the name of its program.
        books: number of books.
        rates: the sustained rate of each round.
        usual: windows at one rate for all.
        best: windows at the sustained rates.
        failure: why there is no more.
    """

    contestant: str
    client: str
    books: int
    rates: list = field(default_factory=list)
    usual: list = field(default_factory=list)
    best: list = field(default_factory=list)
    generator_behind: bool = False
    failure: str = ""

    def figures(self) -> dict:
        """Return the medians, fit for JSON."""
        row = {"client": self.client, "contestant": self.contestant, "symbols": self.books}
        if self.failure:
            row["failure"] = self.failure
        if not self.rates:
            return {"failure": "no round was finished"} | row
        return row | {
            "sustained": median(self.rates),
            "rates": spread(self.rates),
            "generator_behind": self.generator_behind,
            "busy_cpu_us": median(window.cpu_us for window in self.best) if self.best else None,
            "cpu_us": spread([window.cpu_us for window in self.usual]),
            "own_us": spread([window.own_us for window in self.usual]),
            "shown": median(window.shown for window in self.usual),
            "latency": {
                name: median(window.told["late_ms"][name] for window in self.usual) for name in ("p50", "p99", "p99.9")
            },
            "threads": self.usual[-1].told["threads"],
            "rss_mb": self.usual[-1].told["rss_mb"],
        }


def follow(contestants, books, plan, between=lambda: None) -> list[dict]:
    """Let contestants follow so many books in turns; returns the figures of each. `between` is called each round."""
    rows = {each: Row(each.name, each.script, books) for each in contestants}
    for number in range(plan.repeat):
        between()
        for contestant, row in rows.items():
            if row.failure:
                continue
            sys.stderr.write(f"{books} books, round {number + 1} of {plan.repeat}: {contestant.name}\n")
            try:
                with Visit(contestant, books, plan) as visit:
                    rate = visit.climb(median(row.rates) if row.rates and median(row.rates) else None)
            except (TimeoutError, RuntimeError, OSError) as error:
                row.failure = str(error)
                continue
            if not visit.usual.told["updates"]:
                row.failure = "showed nothing"
                continue
            row.rates.append(rate)
            row.usual.append(visit.usual)
            row.best += [visit.best] if visit.best else []
            row.generator_behind |= visit.failed is not None and visit.failed.generator_is_behind
    return [row.figures() for row in rows.values()]


def contestants(names, checkouts, *, peers) -> list[Contestant]:
    """Return the contestants of these client names; ours once for each checkout (a label and a folder)."""
    python = peers_python() if peers else sys.executable
    found = []
    for name in names:
        if name in NEED_PEERS or name == "drain":
            found.append(Contestant(name, name, python, None))
            continue
        for label, folder in checkouts:
            found.append(Contestant(f"{name} {label}".strip(), name, python, folder))
    return found


def plan_of(options) -> Plan:
    """Return how long and how often to measure."""
    if options.quick:
        return QUICK
    return Plan(options.seconds, options.repeat)


def checkouts_of(options) -> list[tuple[str, str | Path]]:
    """Return labels and folders of the package that is measured."""
    return [tuple(each.split("=", 1)) for each in options.checkout or ()] or [("", ROOT)]


def run(options) -> Result:
    """Follow 1 to 1,000 books with each client."""
    names = options.clients or ["drain", *OURS, *(("picows_socket", *PEERS) if options.peers else ())]
    peers = options.peers or any(name in NEED_PEERS for name in names)
    chosen = contestants(names, checkouts_of(options), peers=peers)
    with TemporaryDirectory() as folder:
        make_recording(Path(folder) / "made.gz", events=500, levels=20)
        frames = stage(Path(folder) / "made.gz").frames
    machine, rows = [], []
    for books in options.books or BOOKS:
        rows += follow(chosen, books, plan_of(options), lambda: machine.append(calibrate(chosen[0].python, frames)))
    left_out = "\n".join(f"- not measured: {name}: {why}" for name, why in LEFT_OUT.items()) if options.peers else ""
    text = "\n\n".join(filter(None, [_table(rows), calibration_words(machine), left_out, _checks(rows)]))
    return Result(text, {"rows": rows, "calibration": machine})


def _table(rows):
    header = [
        "books",
        "client",
        "sustained a second",
        "CPU us a frame there",
        f"p50, p99, p99.9 ms at {RATE:g} a second",
    ]
    header += [f"shown at {RATE:g}", f"CPU us a frame at {RATE:g}", "threads", "MB"]
    ceilings = {row["symbols"]: row["sustained"] for row in rows if row["client"] == "drain" and "sustained" in row}
    return table(header, [_line(row, ceilings.get(row["symbols"])) for row in rows])


def _line(row, ceiling):
    start = [row["symbols"], row["contestant"]]
    if "sustained" not in row:
        return [*start, row["failure"], *[""] * 6]
    rate = "{}{:,.0f} ({:,.0f} to {:,.0f})".format("> " if row["rates"].most >= MOST else "", *row["rates"])
    if row["client"] not in CEILINGS and generator_is_limit(row, ceiling):
        rate += ", the generator's limit"
    if "failure" in row:
        rate += f", then {row['failure']}"
    return [
        *start,
        rate,
        f"{row['busy_cpu_us']:.0f}" if row["busy_cpu_us"] else "-",
        ", ".join(f"{row['latency'][name]:.1f}" for name in ("p50", "p99", "p99.9")),
        f"{row['shown']:.1%}",
        "{:.0f} ({:.0f} to {:.0f})".format(*row["cpu_us"]),
        row["threads"],
        f"{row['rss_mb']:.0f}",
    ]


def generator_is_limit(row, ceiling) -> bool:
    """Return whether a rate may be the generator's: it was behind, or not seen to reach 1.3 times that."""
    return row["generator_behind"] or (ceiling is not None and ceiling < HEADROOM * row["sustained"])


def _checks(rows):
    good = [row for row in rows if row.get("sustained")]
    lines = []
    for row in good:
        books, name = row["symbols"], row["contestant"]
        here = [other for other in good if other["symbols"] == books]
        peers = [other for other in here if other["client"] in PEERS]
        if row["client"] == "depthactors_manager":
            engine = name.replace("manager", "engine")
            lines += [
                at_least_words(f"{books} books, {name} : engine", row["sustained"], other["sustained"], 0.5)
                for other in here
                if other["contestant"] == engine
            ]
        if row["client"] != "depthactors_engine":
            continue
        if books in GOALS:
            lines.append(at_least_words(f"{books} books, {name} : goal", row["sustained"], GOALS[books], 1.0))
        if peers:
            best = max(other["sustained"] for other in peers)
            p99 = min(other["latency"]["p99"] for other in peers)
            lines.append(at_least_words(f"{books} books, {name} : best peer, sustained", row["sustained"], best, 1.5))
            lines.append(
                ratio_words(f"{books} books, {name} : best peer, p99 at {RATE:g}", row["latency"]["p99"], p99, 0.75)
            )
    return "\n".join(lines)
