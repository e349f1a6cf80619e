"""`stop`: how long an engine takes to end, with its sockets open and its books live."""

from __future__ import annotations

from tests.bench.report import Result, ratio_words, table
from tests.bench.starting import live
from tests.bench.timing import spread

BOOKS = (1, 100, 1000)
GOAL = 3.0


def run(options) -> Result:
    """Start books and end them."""
    rows, left = [], 0
    for books in BOOKS:
        told = [live(books, depth=5, levels=200, limited=False) for _ in range(options.repeat)]
        rows.append(
            {
                "books": books,
                "seconds": spread([each["stop"]["seconds"] for each in told]),
                "threads": told[-1]["all"]["threads"],
                "left": max(each["stop"]["threads"] for each in told) - 1,
            }
        )
        left = max(left, rows[-1]["left"])
    lines = [
        [row["books"], row["threads"], "{:.2f} ({:.2f} to {:.2f})".format(*row["seconds"]), row["left"]] for row in rows
    ]
    text = table(["books", "threads", "stop() s", "threads left"], lines)
    check = ratio_words("seconds for 1,000 books : 3", rows[-1]["seconds"].most, GOAL, 1.0)
    return Result(f"{text}\n\n{check}", {"rows": rows}, left == 0)
