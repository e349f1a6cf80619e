"""Reads books in the ways that one kind of process has; ours only.

Arguments: a port, what the process is (`plain` or `workers`, an engine; `reader`, of that engine's books), the name of
the engine, and the symbols. A line of input is `KIND CALLS` or null for an account of memory; a line of output the
seconds that the calls took, or the account.
"""

import json
import os
import sys
import time
from pathlib import Path

from depthactors import DepthEngine, DepthReader, Top

PATIENCE = 30.0
DEPTH = 20


def main(port, what, name, *symbols):
    os.environ["DEPTHACTORS_EXCHANGE"] = f"http://127.0.0.1:{port}"
    if what == "reader":
        with DepthReader.wait_for_engine(name, timeout=PATIENCE) as reader:
            for symbol in symbols:
                reader.wait_live(symbol, timeout=PATIENCE)
            kinds = {
                "DepthReader.view()": reader.view,
                "DepthReader.view(levels=5)": lambda symbol: reader.view(symbol, levels=5),
            }
            _serve(kinds, symbols, list)
        return
    more = {"name": name, "processes": 2} if what == "workers" else {}
    with DepthEngine(market="spot", **more) as engine:
        books = engine.subscribe_many(symbols, depth=DEPTH)
        for book in books:
            book.wait_live(PATIENCE)
        kinds = {
            "handle.view()": lambda book: book.view(),
            "handle.ask(Top(5))": lambda book: book.ask(Top(5)),
            "ref.ask(Top(10))": lambda book: book.ref.ask(Top(10), timeout=PATIENCE),
        }
        _serve(kinds, books, lambda: [row.pid for row in engine.status().workers])


def _serve(kinds, books, workers):
    _tell(list(kinds))
    for line in sys.stdin:
        wanted = json.loads(line)
        if wanted is None:
            _tell({"own_mb": _mb(os.getpid()), "workers_mb": [_mb(pid) for pid in workers()]})
            continue
        kind, calls = wanted
        read = kinds[kind]
        begun = time.perf_counter()
        for number in range(calls):
            read(books[number % len(books)])
        _tell(time.perf_counter() - begun)


def _mb(pid):
    """Return the memory that would be free if this process ended: what it shares counts by its part."""
    fields = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:])
    return int(fields["Pss"].split()[0]) / 1024


def _tell(fact):
    sys.stdout.write(json.dumps(fact) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
