"""Starts an engine with its first book, then all others, then ends it; ours only.

Each line of input is the next of these; each line of output what came of it.
"""

import gc
import json
import os
import sys
import threading
import time
from pathlib import Path

from depthactors import DepthEngine

PAUSE = threading.Event()
MINUTE = 60.0


def main(port, depth, *symbols):
    os.environ["DEPTHACTORS_EXCHANGE"] = f"http://127.0.0.1:{port}"
    engine = DepthEngine(market="spot", refresh_interval=None)
    for step in (_first, _all, _stop):
        if not sys.stdin.readline():
            engine.stop()
            return
        sys.stdout.write(json.dumps(step(engine, symbols, int(depth))) + "\n")
        sys.stdout.flush()


def _first(engine, symbols, depth):
    """Follow one symbol: what the engine itself has is there from then on."""
    engine.subscribe(symbols[0], depth=depth).wait_live(MINUTE)
    return {"rss_kb": _rss_kb(), "threads": threading.active_count()}


def _all(engine, symbols, depth):
    """Follow the others."""
    begun, wall, weights = time.monotonic(), time.time(), {}
    engine.subscribe_many(symbols[1:], depth=depth)
    while (status := engine.status()).live < len(symbols):
        minute = int(time.time() // MINUTE)
        weights[minute] = max(weights.get(minute, 0), status.pools[0].used_weight)
        PAUSE.wait(0.05)
    seconds = time.monotonic() - begun
    whole = [used for minute, used in weights.items() if wall <= minute * MINUTE < wall + seconds - MINUTE]
    pool = engine.status().pools[0]
    return {
        "seconds": seconds,
        "wall": wall,
        "weights": [used / pool.allowed_weight for used in whole],
        "allowed": pool.allowed_weight,
        "refused": pool.limited,
        "rss_kb": _rss_kb(),
        "threads": threading.active_count(),
        "sockets": len(status.sockets),
    }


def _stop(engine, _symbols, _depth):
    """End all."""
    begun = time.monotonic()
    engine.stop()
    return {"seconds": time.monotonic() - begun, "threads": threading.active_count()}


def _rss_kb():
    gc.collect()
    fields = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(fields["VmRSS"].split()[0])


if __name__ == "__main__":
    main(*sys.argv[1:])
