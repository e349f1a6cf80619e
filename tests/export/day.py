"""`python -m tests.export.day`: how long a replay and each export of a long recording take, and how much memory.

The recording is a capture's depth events over and over, with ids and times that go on; each target runs in a process of
its own.
"""

from __future__ import annotations

import argparse
import gzip
import os
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import orjson

from depthactors import export, recording
from depthactors.replay import replay

CAPTURES = Path(os.environ.get("DEPTHACTORS_CAPTURES", Path(__file__).parents[3] / "shared" / "captures"))
CAPTURE = CAPTURES / "coinm" / "coinm-20240808" / "btcusd_perp.gz"
TARGETS = {"replay": "", "tardis": "out.csv.gz", "hftbacktest": "out.npz", "parquet": "out"}
_MS = 1_000_000


def make(path, capture, count):
    """Write a recording of `count` depth events that follow each other."""
    lines = list(recording.read(capture))
    [base] = [line for line in lines if line.is_snapshot]
    last = base.message["lastUpdateId"]
    diffs = [line for line in lines if line.is_diff and line.event["u"] > last]
    pause = diffs[-1].recv_ns - diffs[0].recv_ns + 10 * _MS
    ids = diffs[-1].event["u"] - diffs[0].event["U"] + 10
    with gzip.open(path, "wb", compresslevel=1) as file:
        file.write(b"%d %s\n" % (base.recv_ns, base.text))
        for number in range(count):
            turn, at = divmod(number, len(diffs))
            event = diffs[at].event.copy()
            event["U"] += turn * ids
            event["u"] += turn * ids
            event["pu"], last = last, event["u"]
            for clock in "ET":
                event[clock] += turn * pause // _MS
            file.write(b"%d %s\n" % (diffs[at].recv_ns + turn * pause, orjson.dumps({"data": event})))


def peak():
    """Return the most kilobytes that this process has had in memory; `ru_maxrss` counts what it was forked from."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))


def measure(target, path, out):
    """Replay or export in this process, and say what it took."""
    begin, work = time.perf_counter(), time.process_time()
    done = replay(path) if target == "replay" else getattr(export, f"to_{target}")(path, out)
    work, seconds = time.process_time() - work, time.perf_counter() - begin
    rows = f", {done.rows:,} rows" if target != "replay" else ""
    print(
        f"{target}: {done.events:,} events{rows} in {seconds:.1f} s, {work:.1f} s of the processor: "
        f"{done.events / work:,.0f} events a second; {peak() / 1024:.0f} MB of memory"
    )


def main():
    """Measure all targets, or one."""
    parser = argparse.ArgumentParser(prog="python -m tests.export.day", description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000, help="number of depth events (default 1,000,000)")
    parser.add_argument("--one", nargs=3, metavar=("TARGET", "FILE", "OUT"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        measure(*options.one)
        return 0
    with TemporaryDirectory() as folder:
        path = Path(folder, "day.gz")
        make(path, CAPTURE, options.events)
        for target, name in TARGETS.items():
            one = [target, str(path), str(Path(folder, name))]
            subprocess.run([sys.executable, "-m", "tests.export.day", "--one", *one], check=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
