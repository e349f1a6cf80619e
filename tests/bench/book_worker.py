"""Plays one contestant of the `book` benchmark: a round at each line of input, a line of JSON for each.

Runs in an interpreter that has the contestant, so it knows nothing of this project but the contestants' folder.
The frames of the stage are lines of a file.
"""

import importlib
import json
import sys
import time
from importlib.metadata import PackageNotFoundError, version
from math import inf
from pathlib import Path

import orjson

PASSES = 3
"""Of a round, each from the snapshot on; the fastest counts, since whatever else the machine does only slows it."""


def main(name, folder, market, symbol, read):
    contestant = importlib.import_module(f"contestants.{name}")
    snapshot = json.loads((Path(folder) / "snapshot.json").read_bytes())
    frames = (Path(folder) / "frames").read_bytes().splitlines()
    if hasattr(contestant, "prepare"):
        contestant.prepare(market, symbol, snapshot, frames)
    for _ in sys.stdin:
        yardstick = seconds = inf
        for _ in range(PASSES):
            take = contestant.follow(market, symbol, snapshot, read=read == "read")
            yardstick = min(yardstick, _time(orjson.loads, frames))
            seconds = min(seconds, _time(take, frames))
        bids, asks = take(frames[-1]) or ((), ())
        book = [[[float(str(number)) for number in level] for level in side] for side in (bids, asks)]
        told = {"yardstick": yardstick, "seconds": seconds, "book": book, "version": _version(contestant)}
        sys.stdout.write(json.dumps(told) + "\n")
        sys.stdout.flush()


def _version(contestant):
    try:
        return version(contestant.DISTRIBUTION)
    except PackageNotFoundError:
        # Ours, imported from its folder.
        return "checkout"


def _time(take, frames):
    begun = time.perf_counter()
    for frame in frames:
        take(frame)
    return time.perf_counter() - begun


if __name__ == "__main__":
    main(*sys.argv[1:])
