"""`scale`: how many frames a second books take in one process, in two at the same time, and what sharing them costs.

First with nothing in the way: each process has its share of the same ten books and feeds them itself, from memory
(`clients/fed.py`): the exchange and the socket cost nothing, and the engine's own process has nothing to do. The
processes that are compared take turns, all of them on the same machine within the same minute; a round's rate is all
its frames by the time from the first process's beginning to the last one's end. `alone` is the same without shared
memory, as in an engine without a name. What readers see in the end is compared with the truth.

Then the whole way, as in `pipe`, with a callback in the engine's own process: there the exchange, the engine's process
and the workers share the cores, so that on two of them there is no room for a second worker to show.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from tests.bench import pipe
from tests.bench.book import _truth
from tests.bench.exchange import HERE, ROOT
from tests.bench.frames import stage
from tests.bench.made import make_recording
from tests.bench.processes import Program
from tests.bench.report import Result, at_least_words, ratio_words, table
from tests.bench.timing import spread

BOOKS, FRAMES, LEVELS = 10, 2000, 20
"""Books, frames of each, and level changes a frame."""
DEPTHS = (20, 100)
"""Levels a side that are promised, and written to shared memory with each frame."""
WAYS = {"alone": 1, "1 process": 1, "2 processes": 2}
PATIENCE = 120.0
GOAL = 1.8
WITHOUT, WITH_ONE, WITH_TWO = "depthactors_engine", "depthactors_1_worker", "depthactors_2_workers"
CLIENTS = (WITHOUT, WITH_ONE, WITH_TWO)
SYMBOLS = 100


class Keeper(Program):
    """A process with some of the books."""

    def __init__(self, folder, given, how, depth, symbols) -> None:
        script = HERE / "clients" / "fed.py"
        command = [sys.executable, script, folder, given.market, given.symbol, how, depth, *symbols]
        super().__init__(command, path=ROOT)


def run(options) -> Result:
    """Feed books, then follow them."""
    with tempfile.TemporaryDirectory() as folder:
        make_recording(Path(folder) / "made.gz", events=FRAMES, levels=LEVELS)
        given = stage(Path(folder) / "made.gz")
        (Path(folder) / "snapshot.json").write_text(json.dumps(given.snapshot))
        (Path(folder) / "frames").write_bytes(b"\n".join(given.frames))
        fed = [row for depth in DEPTHS for row in _fed(folder, given, depth, options.repeat)]
    clients = pipe.contestants(CLIENTS, [("", ROOT)], peers=False)
    through = pipe.follow(clients, SYMBOLS, pipe.plan_of(options))
    checks = "\n".join(_checks(fed) + _checks_through({row["client"]: row for row in through}))
    text = "\n\n".join([_fed_table(fed), pipe._table(through), checks])
    passed = all(row["right"] for row in fed)
    return Result(text, {"cores": os.cpu_count(), "fed": fed, "through": through}, passed)


def _fed(folder, given, depth, repeat):
    """Return a row for each way to keep books of this depth."""
    symbols = [f"S{number}USDT" for number in range(BOOKS)]
    truth = [*_truth(given, len(given.frames))]
    with ExitStack() as stack:
        keepers = {
            way: [
                stack.enter_context(
                    Keeper(folder, given, "alone" if way == "alone" else "shared", depth, symbols[place::processes])
                )
                for place in range(processes)
            ]
            for way, processes in WAYS.items()
        }
        for each in (keeper for group in keepers.values() for keeper in group):
            each.hear(PATIENCE)
        rounds = {way: [] for way in WAYS}
        for number in range(1 + repeat):
            for way, group in keepers.items():
                played = _play(group)
                if number:
                    rounds[way].append(played)
    by_one = [each["rate"] for each in rounds["1 process"]]
    by_none = [each["rate"] for each in rounds["alone"]]
    return [
        {
            "way": way,
            "depth": depth,
            "processes": WAYS[way],
            "rate": spread([each["rate"] for each in played]),
            "cpu_us": spread([each["cpu_us"] for each in played]),
            "cores": spread([each["rate"] * each["cpu_us"] / 1e6 for each in played]),
            "to_one": spread([each["rate"] / one for each, one in zip(played, by_one, strict=True)]),
            "to_alone": spread([each["rate"] / none for each, none in zip(played, by_none, strict=True)]),
            "coalesced": sum(each["coalesced"] for each in played),
            "right": all(book == truth for each in played for book in each["books"]),
        }
        for way, played in rounds.items()
    ]


def _play(group):
    """Let processes play at the same time."""
    for each in group:
        each.tell()
    told = [each.hear(PATIENCE) for each in group]
    frames = sum(each["frames"] for each in told)
    return {
        "rate": frames / (max(each["ended"] for each in told) - min(each["begun"] for each in told)),
        "cpu_us": 1e6 * sum(each["cpu"] for each in told) / frames,
        "coalesced": sum(each["coalesced"] for each in told),
        "books": [book for each in told for book in each["books"]],
    }


def _fed_table(rows):
    header = [
        "books in",
        "depth",
        "frames a second",
        "times 1 process",
        "CPU us a frame",
        "cores busy",
        "left out",
        "right",
    ]
    return table(
        header,
        [
            [
                row["way"],
                row["depth"],
                "{:.0f} ({:.0f} to {:.0f})".format(*row["rate"]),
                "{:.2f} ({:.2f} to {:.2f})".format(*row["to_one"]),
                "{:.0f} ({:.0f} to {:.0f})".format(*row["cpu_us"]),
                f"{row['cores'].median:.2f}",
                row["coalesced"],
                "yes" if row["right"] else "NO",
            ]
            for row in rows
        ],
    )


def _checks(rows):
    lines = []
    for depth in dict.fromkeys(row["depth"] for row in rows):
        ways = {row["way"]: row for row in rows if row["depth"] == depth}
        lines.append(
            at_least_words(
                f"frames a second, 2 processes : 1, depth {depth}", ways["2 processes"]["to_one"].median, 1, GOAL
            )
        )
        one, alone = ways["1 process"]["cpu_us"].median, ways["alone"]["cpu_us"].median
        lines.append(f"- sharing adds {one - alone:.0f} us of CPU to a frame, {one / alone:.2f} times, depth {depth}")
    return lines


def _checks_through(rows):
    good = {client: row for client, row in rows.items() if "failure" not in row}
    lines = [
        f"- {client}: {row['own_us'].median:.0f} of {row['cpu_us'].median:.0f} us a frame where callbacks are"
        for client, row in good.items()
    ]
    if WITHOUT in good and WITH_ONE in good:
        ours, other = (good[client]["cpu_us"].median for client in (WITH_ONE, WITHOUT))
        lines.append(ratio_words("CPU a frame, all processes, 1 worker : none", ours, other, 2.0))
    return lines
