"""`book`: decode, sequence, apply and read the best five of both sides at each event of a recording.

Each contestant has a process of its own. They take turns, a round each; a round also times `orjson.loads` of the
same frames in the same process, which is x1. In the end each one's best levels are compared with exact ones.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from contextlib import ExitStack
from decimal import Decimal
from pathlib import Path

from tests.bench.environment import peers_python
from tests.bench.frames import stage
from tests.bench.made import make_recording
from tests.bench.processes import Program
from tests.bench.report import Result, ratio_words, table
from tests.bench.timing import spread

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
CAPTURES = Path(os.environ.get("DEPTHACTORS_CAPTURES", ROOT.parent / "shared" / "captures"))
RECORDINGS = {"usdm-20240808": "usdm/usdm-20240808/btcusdt.gz", "spot-20240808": "spot/spot-20240808/btcusdt.gz"}
OURS = ("depthactors_float", "depthactors_decimal")
PEERS = ("ccxt_order_book", "ccxt_pro", "nautilus", "order_book", "unicorn", "python_binance")
FRAMES_WHEN_READ = {"order_book": 1000, "unicorn": 400, "python_binance": 100}
"""Those that read slowly play only the recording's first frames when they read."""
WARM_UP = 1
ROUND = 120.0
"""Seconds that a round may take."""


def run(options) -> Result:
    """Play the recordings."""
    rows, passed = [], True
    with tempfile.TemporaryDirectory() as folder:
        for name, path in _recordings(options.recording, Path(folder)).items():
            for row in play(stage(path), peers=options.peers, repeat=options.repeat):
                rows.append({"recording": name} | row)
                passed &= row["right"] or row["contestant"] in PEERS
    header = ["contestant", "version", "recording", "with reading, x", "without, x", "us an event", "right"]
    lines = [
        [
            row["contestant"],
            row["version"],
            row["recording"],
            _words(row["reading"]),
            _words(row["blind"]),
            f"{row['microseconds']:.1f}",
            "yes" if row["right"] else "NO",
        ]
        for row in rows
    ]
    return Result(f"{table(header, lines)}\n\n{_checks(rows)}", {"rows": rows}, passed)


def _checks(rows):
    x = {(row["contestant"], row["recording"]): row["reading"].median for row in rows}
    lines = []
    for recording in dict.fromkeys(row["recording"] for row in rows):
        ours, exact = x["depthactors_float", recording], x["depthactors_decimal", recording]
        lines.append(ratio_words(f"float : orjson.loads, {recording}", ours, 1, 5.0))
        lines.append(ratio_words(f"Decimal : float, {recording}", exact, ours, 1.4))
        lines += [
            ratio_words(f"float : {peer}, {recording}", ours, x[peer, recording], 0.75)
            for peer in ("ccxt_order_book", "ccxt_pro")
            if (peer, recording) in x
        ]
    return "\n".join(lines)


def play(given, *, peers, repeat):
    """Let all contestants take turns; returns what each gave."""
    names = OURS + (PEERS if peers else ())
    # All on the same interpreter.
    python = peers_python() if peers else sys.executable
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        workers = {
            (name, read): stack.enter_context(Worker(name, given, folder / f"{name}-{read}", read=read, python=python))
            for name in names
            for read in (True, False)
        }
        for _ in range(WARM_UP + repeat):
            for worker in workers.values():
                worker.play()
        return [_row(name, given, workers[name, True], workers[name, False]) for name in names]


class Worker(Program):
    """One contestant's process."""

    def __init__(self, name, given, folder, *, read, python=sys.executable):
        self.frames = given.frames[: FRAMES_WHEN_READ.get(name) if read else None]
        self.rounds = []
        folder.mkdir()
        (folder / "snapshot.json").write_text(json.dumps(given.snapshot))
        (folder / "frames").write_bytes(b"\n".join(self.frames))
        ours = name in OURS
        super().__init__(
            [
                python,
                HERE / "book_worker.py",
                *(name, folder, given.market, given.symbol, "read" if read else "blind"),
            ],
            path=ROOT if ours else None,
        )

    def play(self):
        """Play a round."""
        self.tell()
        self.rounds.append(self.hear(ROUND))

    def ratios(self):
        """How many times as long as the yardstick each round took, the first left out."""
        return [each["seconds"] / each["yardstick"] for each in self.rounds[WARM_UP:]]


def _row(name, given, reading, blind):
    shown = reading.rounds[-1]["book"]
    truth = _truth(given, len(reading.frames))
    return {
        "contestant": name,
        "version": reading.rounds[-1]["version"],
        "reading": spread(reading.ratios()),
        "blind": spread(blind.ratios()),
        "microseconds": 1e6 * min(each["seconds"] for each in reading.rounds) / len(reading.frames),
        "frames": len(reading.frames),
        "right": all(side and side == best[: len(side)] for side, best in zip(shown, truth, strict=True)),
    }


def _truth(given, length):
    """Return the best five of both sides after so many frames, by a plain dict of exact numbers."""
    sides = []
    for long, short, falling in (("bids", "b", True), ("asks", "a", False)):
        book = {Decimal(price): Decimal(size) for price, size in given.snapshot[long]}
        for frame in given.frames[:length]:
            book |= {Decimal(price): Decimal(size) for price, size in json.loads(frame)["data"][short]}
        levels = sorted(((price, size) for price, size in book.items() if size), reverse=falling)
        sides.append([[float(price), float(size)] for price, size in levels[:5]])
    return sides


def _recordings(given, folder):
    """Return the recording that is asked for, the real ones that are at hand, or else a made-up one."""
    if given:
        return {Path(given).stem: given}
    found = {name: CAPTURES / path for name, path in RECORDINGS.items() if (CAPTURES / path).exists()}
    if not found:
        found = {"made": folder / "made.gz"}
        make_recording(found["made"])
    return found


def _words(ratios):
    return f"{ratios.median:.2f} ({ratios.least:.2f} to {ratios.most:.2f})"
