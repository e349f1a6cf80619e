"""`record`: what it costs to record 100 busy books while they are followed.

As in `pipe`, with the same engine and callback, at the rate that all clients have in common; the two clients take
turns. CPU is the client process's own, all of its threads. Bytes are those of the files, notes included.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from depthactors import recording
from tests.bench.follower import RATE, Contestant, Visit
from tests.bench.pipe import plan_of
from tests.bench.report import Result, ratio_words, table
from tests.bench.timing import spread

SYMBOLS = 100
GOAL = 1.3
DAY = 86_400
PLAIN, RECORDING = "depthactors_engine", "depthactors_recorder"


def run(options) -> Result:
    """Follow books with and without recording."""
    plan, sizes = plan_of(options), []
    cpu, shown, late = ({PLAIN: [], RECORDING: []} for _ in range(3))
    for number in range(plan.repeat):
        for name in (PLAIN, RECORDING):
            sys.stderr.write(f"round {number + 1} of {plan.repeat}: {name}\n")
            with tempfile.TemporaryDirectory() as folder:
                os.environ["RECORD_TO"] = folder
                with Visit(Contestant(name, name), SYMBOLS, plan) as visit:
                    cpu[name].append(visit.usual.cpu_us)
                    shown[name].append(visit.usual.shown)
                    late[name].append(visit.usual.p99_ms)
                sizes += [_bytes_a_frame(Path(folder))] if name == RECORDING else []
    ratios = [with_ / without for with_, without in zip(cpu[RECORDING], cpu[PLAIN], strict=True)]
    rate, size = RATE / SYMBOLS, spread(sizes).median
    day = size * rate * DAY / 1e6
    rows = [
        [
            name,
            "{:.0f} ({:.0f} to {:.0f})".format(*spread(each)),
            f"{spread(late[name]).median:.1f}",
            f"{spread(shown[name]).least:.1%}",
        ]
        for name, each in cpu.items()
    ]
    lines = [
        ratio_words(f"CPU of {SYMBOLS} books, recorded : followed", spread(ratios).median, 1, GOAL),
        f"- {size:.0f} bytes a frame on disk: {day:.0f} MB a day and symbol at {rate:g} frames a second",
    ]
    text = "\n\n".join(
        [table(["client", f"CPU us a frame at {RATE:g} a second", "p99 ms", "shown"], rows), "\n".join(lines)]
    )
    figures = {"cpu_us": {name: spread(each) for name, each in cpu.items()}, "ratio": spread(ratios), "bytes": size}
    return Result(text, figures)


def _bytes_a_frame(folder):
    files = list(folder.glob("*.gz"))
    frames = sum(line.is_diff for path in files for line in recording.read(path))
    return sum(path.stat().st_size for path in folder.iterdir()) / frames
