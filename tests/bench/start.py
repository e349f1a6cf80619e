"""`start`: how soon many books are live, against what the request weight allows, and the memory and threads they take.

A depth of 5 takes snapshots of 100 levels, which weigh 5; one of 100 takes 500, which weigh 25; of 6,000 a minute.
Memory is the process's resident set with all books live, less that with the first one.
"""

from __future__ import annotations

from tests.bench.report import Result, ratio_words, table
from tests.bench.starting import live
from tests.pace.command import ideal

SPEEDS = ((10, 5), (100, 5), (1000, 5), (1000, 100))
"""Books, and the depth they promise."""
WEIGHT = {5: 5, 100: 25}
SIZES = ((100, 5), (1000, 500), (5000, 2500))
"""Levels a side of a snapshot, and the depth that takes it."""
BOOKS = 100


def run(_options) -> Result:
    """Start books under the exchange's limits, then others without, for their size."""
    speeds = [_speed(books, depth) for books, depth in SPEEDS]
    sizes = [_size(levels, depth) for levels, depth in SIZES]
    checks = [
        ratio_words(
            f"weight allowed : used in the whole minutes of {row['books']} books", 1, min(row["weights"]), 1 / 0.9
        )
        for row in speeds
        if row["weights"]
    ]
    checks += [
        ratio_words("kB a book of 1,000 levels : 600", row["kb"], 600, 1.0) for row in sizes if row["levels"] == 1000
    ]
    first = table(
        ["books", "depth", "live after s", "by the weight alone s", "weight used in whole minutes", "429s", "threads"],
        [
            [
                row["books"],
                row["depth"],
                f"{row['seconds']:.1f}",
                f"{row['ideal']:.1f}",
                ", ".join(f"{each:.1%}" for each in row["weights"]) or "-",
                row["refused"],
                row["threads"],
            ]
            for row in speeds
        ],
    )
    second = table(["levels a side", "kB a book"], [[row["levels"], f"{row['kb']:.0f}"] for row in sizes])
    passed = not any(row["refused"] for row in speeds)
    return Result("\n\n".join([first, second, "\n".join(checks)]), {"speeds": speeds, "sizes": sizes}, passed)


def _speed(books, depth):
    told = live(books, depth=depth, levels=600, limited=True)["all"]
    weight = WEIGHT[depth] * books
    return {"books": books, "depth": depth, "ideal": ideal(weight, told["allowed"], told["wall"])} | told


def _size(levels, depth):
    told = live(BOOKS, depth=depth, levels=levels + 100, limited=False)
    grown = told["all"]["rss_kb"] - told["first"]["rss_kb"]
    return {"levels": levels, "kb": grown / (BOOKS - 1), "threads": told["all"]["threads"]}
