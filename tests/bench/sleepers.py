"""`sleepers`: 50 callbacks of 1,000 sleep a second each time; how late the other 950 are, the first minute included."""

from __future__ import annotations

import sys

from tests.bench.environment import peers_python
from tests.bench.exchange import Exchange
from tests.bench.follower import RATE, STARTING, Client, Contestant
from tests.bench.pipe import checkouts_of
from tests.bench.report import Result, ratio_words, table
from tests.bench.timing import spread

BOOKS = 1000
SECONDS = 60.0
GOAL_MS = 50.0


def run(options) -> Result:
    """Follow the books for a minute, each checkout in turns."""
    python = peers_python() if options.peers else sys.executable
    windows = {label: [] for label, _ in checkouts_of(options)}
    for _ in range(1 if options.quick else options.repeat):
        for label, folder in checkouts_of(options):
            contestant = Contestant(label, "depthactors_sleepers", python, folder)
            with Exchange(BOOKS, RATE) as exchange, Client(contestant, exchange) as client:
                client.hear(STARTING)
                windows[label].append(client.hear_window(None, SECONDS))
    rows = [
        {
            "checkout": label,
            "p99_ms": spread([window.p99_ms for window in rounds]),
            "shown": spread([window.shown for window in rounds]),
            "threads": rounds[-1].told["threads"],
        }
        for label, rounds in windows.items()
    ]
    header = ["checkout", "p99 ms of the others", "shown of all", "threads"]
    lines = [
        [
            row["checkout"] or "this",
            "{:.1f} ({:.1f} to {:.1f})".format(*row["p99_ms"]),
            f"{row['shown'].median:.1%}",
            row["threads"],
        ]
        for row in rows
    ]
    checks = "\n".join(
        ratio_words(f"p99 ms {row['checkout']} : 50", row["p99_ms"].median, GOAL_MS, 1.0) for row in rows
    )
    return Result(f"{table(header, lines)}\n\n{checks}", {"rows": rows})
