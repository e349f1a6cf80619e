"""`torn`: one process writes, others read as fast as they can and check each view."""

from __future__ import annotations

import os
import pickle
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from tests.share.child import Child
from tests.share.tape import load, truths

if TYPE_CHECKING:
    import argparse

STARTING = 60.0
SECONDS_A_READ = 0.001
"""What no read takes, whatever else the machine does: the deadline of them all."""


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Run it; returns what is printed."""
    name, levels = f"torn-{os.getpid()}", options.levels
    tape = load(options.recording)
    with ExitStack() as stack:
        proof = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "proof"
        proof.write_bytes(pickle.dumps((tape.symbol, tape.snapshot, truths(tape, levels))))
        writer = stack.enter_context(Child("torn_writer", name, options.recording, levels, options.rate))
        writer.heard(STARTING)
        begun = time.monotonic()
        share = -(-options.reads // options.readers)
        readers = [
            stack.enter_context(Child("torn_reader", name, proof, levels, share)) for _ in range(options.readers)
        ]
        deadline = begun + STARTING + options.reads * SECONDS_A_READ
        rows = [reader.heard(deadline - time.monotonic()) for reader in readers]
        seconds = time.monotonic() - begun
        writer.process.stdin.close()
        written = writer.heard(STARTING)

    def total(key: str) -> int:
        return sum(row[key] for row in rows)

    us, own = (median(row[key] for row in rows) for key in ("us", "own_us"))
    return {
        "recording": f"{tape.symbol}, {len(tape.events)} events, {written['laps']} rounds",
        "written": f"{written['written']}, {written['written'] / seconds:.0f} a second",
        "readers": len(rows),
        "reads": f"{total('reads')} in {seconds:.1f} s",
        "updates seen by each reader": f"{min(row['seen'] for row in rows)} or more",
        "states": sorted({state for row in rows for state in row["states"]}),
        "wrong views": total("wrong"),
        "views that went backwards": total("backwards"),
        "torn reads, noticed and repeated": total("torn"),
        "CPU a view, us": f"{us:.1f}",
        "CPU of a view in the engine's own process, us": f"{own:.1f}",
        "ratio": f"{us / own:.2f}",
        "_passed": not (total("wrong") or total("backwards")) and total("reads") >= options.reads,
    }
