"""One engine in a process of its own, from its first book to its end; `start` and `stop` share it."""

from __future__ import annotations

import sys

from tests.bench.exchange import HERE, ROOT, Exchange
from tests.bench.processes import Program

PATIENCE = 600.0
FRAMES_A_BOOK = 1.0


def live(books, *, depth, levels, limited) -> dict:
    """Start so many books, one first and the others at once, and end them; returns what was told at each step."""
    with Exchange(books, books * FRAMES_A_BOOK, levels=4, depth=levels, limited=limited) as exchange:
        script = HERE / "clients" / "starter.py"
        with Program([sys.executable, script, exchange.port, depth, *exchange.symbols], path=ROOT) as starter:
            told = {}
            for step in ("first", "all", "stop"):
                starter.tell()
                told[step] = starter.hear(PATIENCE)
            return told
