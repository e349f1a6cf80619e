"""`share`: the ways to read books of other processes, beside those of the engine's own, while their streams go on.

Three processes take turns: an engine that has its books itself, one with two workers and a name, and a reader of the
latter's books. x1 is `handle.view()` of the first.
"""

from __future__ import annotations

import json
import os
import sys
from contextlib import ExitStack

from depthactors.sharing import book_size
from tests.bench.exchange import HERE, ROOT, Exchange
from tests.bench.processes import Program
from tests.bench.report import Result, ratio_words, table
from tests.bench.timing import spread

SYMBOLS, RATE = 10, 500.0
KINDS = {"plain": "an engine", "workers": "an engine with 2 workers", "reader": "a reader of its books"}
CALLS = 1000
PATIENCE = 120.0
YARDSTICK = ("plain", "handle.view()")
DEPTHS = (20, 100, 1000)


def run(options) -> Result:
    """Read in each way, in turns."""
    with ExitStack() as stack:
        exchange = stack.enter_context(Exchange(SYMBOLS, RATE))
        name = f"bench-share-{os.getpid()}"
        script = HERE / "clients" / "sharer.py"
        programs, ways = {}, []
        for what in KINDS:
            command = [sys.executable, script, exchange.port, what, name, *exchange.symbols]
            programs[what] = stack.enter_context(Program(command, path=ROOT))
            ways += [(what, kind) for kind in programs[what].hear(PATIENCE)]
        rounds = [{way: _ask(programs, *way) for way in ways} for _ in range(1 + options.repeat)][1:]
        memory = {what: _ask_memory(program) for what, program in programs.items()}
    rows = [
        {
            "process": what,
            "way": kind,
            "us": spread([1e6 * each[what, kind] for each in rounds]),
            "ratio": spread([each[what, kind] / each[YARDSTICK] for each in rounds]),
        }
        for what, kind in ways
    ]
    us = {(row["process"], row["way"]): row["us"].median for row in rows}
    shared, asked = us["reader", "DepthReader.view()"], us["workers", "ref.ask(Top(10))"]
    of_workers, slots = memory["workers"]["workers_mb"], {depth: book_size(depth) / 1000 for depth in DEPTHS}
    checks = [
        ratio_words("DepthReader.view() : ref.ask(Top(10)) with workers", shared, asked, 0.1),
        f"- DepthReader.view() : handle.view() of an engine without workers: {shared / us[YARDSTICK]:.2f}",
        (
            f"- MB of a worker with {SYMBOLS // 2} books: {', '.join(f'{each:.0f}' for each in of_workers)}; of the "
            f"engine's own process {memory['workers']['own_mb']:.0f}, without workers {memory['plain']['own_mb']:.0f}"
        ),
        "- kB of shared memory a book: " + ", ".join(f"{kb:.0f} at depth {depth}" for depth, kb in slots.items()),
    ]
    lines = [
        [
            row["way"],
            KINDS[row["process"]],
            f"{row['us'].median:.1f}",
            "{:.2f} ({:.2f} to {:.2f})".format(*row["ratio"]),
        ]
        for row in rows
    ]
    text = table(["way", "in", "us a call", "times handle.view()"], lines)
    return Result(f"{text}\n\n" + "\n".join(checks), {"rows": rows, "memory": memory, "slots_kb": slots})


def _ask(programs, what, kind):
    programs[what].tell(json.dumps([kind, CALLS]))
    return programs[what].hear(PATIENCE) / CALLS


def _ask_memory(program):
    program.tell("null")
    return program.hear(PATIENCE)
