"""`ask`: the ways to read a book while its stream goes on, from one thread and from eight.

The yardstick is the `ask` of an actor that has nothing to do, of pykka's own make, in the same process. Beside it
stand those of one that is busy for so long: what a few microseconds of work do to an `ask`, whatever the work.
"""

from __future__ import annotations

import json
import sys

from tests.bench.exchange import HERE, ROOT, Exchange
from tests.bench.processes import Program
from tests.bench.report import Result, ratio_words, table
from tests.bench.timing import spread

SYMBOLS, RATE = 10, 500.0
THREADS = (1, 8)
CALLS = 2000
PATIENCE = 120.0
YARDSTICK = "empty ask"


def run(options) -> Result:
    """Read in each way, in turns."""
    with Exchange(SYMBOLS, RATE) as exchange:
        script = HERE / "clients" / "asker.py"
        with Program([sys.executable, script, exchange.port, *exchange.symbols], path=ROOT) as asker:
            kinds = asker.hear(PATIENCE)
            rounds = [
                {(kind, threads): _ask(asker, kind, threads) for threads in THREADS for kind in kinds}
                for _ in range(1 + options.repeat)
            ][1:]
    rows = [_row(rounds, kind, threads) for threads in THREADS for kind in kinds]
    checks = []
    for threads in THREADS:
        ours = {kind: spread([each[kind, threads] for each in rounds]).median for kind in kinds}
        where = f"from {threads} thread{'s' * (threads > 1)}"
        checks.append(ratio_words(f"view() : ref.ask(Top(10)), {where}", ours["view"], ours["ref.ask(Top(10))"], 0.1))
        checks.append(
            ratio_words(f"ref.ask(Top(5)) : empty ask, {where}", ours["ref.ask(Top(5))"], ours[YARDSTICK], 1.3)
        )
    header = ["way", "threads", "us a call", "times an empty ask"]
    lines = [
        [row["way"], row["threads"], f"{row['us'].median:.1f}", "{:.3f} ({:.3f} to {:.3f})".format(*row["ratio"])]
        for row in rows
    ]
    return Result(f"{table(header, lines)}\n\n" + "\n".join(checks), {"rows": rows})


def _ask(asker, kind, threads):
    calls = CALLS // threads
    asker.tell(json.dumps([kind, threads, calls]))
    return asker.hear(PATIENCE) / (calls * threads)


def _row(rounds, kind, threads):
    return {
        "way": kind,
        "threads": threads,
        "us": spread([1e6 * each[kind, threads] for each in rounds]),
        "ratio": spread([each[kind, threads] / each[YARDSTICK, threads] for each in rounds]),
    }
