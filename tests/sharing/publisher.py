"""An engine's sharing without its engine: books that are written when a test says so, here or in a process of its own.

As a program (`python -m tests.sharing.publisher NAME`) it does what lines of JSON tell it, and says when it has.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

from depthactors.binance import Snapshot
from depthactors.book import BookState, OrderBook
from depthactors.sharing import EngineFolder, SharedBook
from depthactors.sharing.record import pack
from tests.support import flat

ROOT = Path(__file__).parents[2]
PATIENCE = 20.0


def book_of(update_id, levels=5, *, symbol="BTCUSDT"):
    """Return a book whose every number tells its update id."""
    bids, asks = (
        flat((50.0 + sign * (place + 1), update_id + place / 4) for place in range(levels)) for sign in (-1, 1)
    )
    snapshot = Snapshot(update_id, 1_000 + update_id, levels + 1, (2, 3), bids, asks)
    return OrderBook(symbol, snapshot, depth=levels, recv_time=float(update_id))


def descriptors():
    """Return what this process has open."""
    return {each.name for each in Path("/dev/fd").iterdir()}


class Publisher:
    """Shares books that are written by hand."""

    def __init__(self, name):
        self.folder = EngineFolder(name)
        self._books = {}

    def open(self):
        self.folder.open()

    def follow(self, symbol, update_id=1, depth=5, market="spot", speed_ms=100, state="LIVE"):
        """Share one, or share it anew with another depth."""
        self._books.pop((symbol, market, speed_ms), None)
        place, slot = self.folder.new_book(depth)
        row = SharedBook(symbol, market, speed_ms, depth), place
        self._books[symbol, market, speed_ms] = row, slot
        self.write(symbol, update_id, state, market=market, speed_ms=speed_ms)
        self._list()

    def let_go(self, symbol, market="spot", speed_ms=100):
        (_, place), _ = self._books.pop((symbol, market, speed_ms))
        self.folder.remove_book(place)
        self._list()

    def write(self, symbol, update_id, state="LIVE", why=None, market="spot", speed_ms=100):
        (shared, _), slot = self._books[symbol, market, speed_ms]
        book = book_of(update_id, shared.depth, symbol=symbol) if update_id else None
        slot.write(pack(book, shared.depth, BookState(state), float, why))

    def mark(self, symbol, behind):
        self._books[symbol, "spot", 100][1].mark(behind=behind)

    def beat(self):
        self.folder.beat(time.monotonic())

    def close(self):
        self.folder.close()

    def _list(self):
        self.folder.list_books([row for row, _ in self._books.values()])


class Program:
    """A publisher in a process of its own, which a test may kill."""

    def __init__(self, name):
        command = [sys.executable, "-m", "tests.sharing.publisher", name]
        self.process = subprocess.Popen(
            command, cwd=ROOT, bufsize=0, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=os.environ
        )
        self._heard("opened")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.signal(signal.SIGCONT)
        self.process.stdin.close()
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()

    def do(self, method, *arguments, **options):
        """Have a method of the publisher called; returns when it was."""
        self.process.stdin.write(f"{json.dumps([method, arguments, options])}\n".encode())
        self._heard(method)

    def signal(self, number):
        if self.process.poll() is None:
            self.process.send_signal(number)

    def kill(self):
        self.process.kill()
        self.process.wait(PATIENCE)

    def stop_running(self):
        """Stop it as it stands: it is there, and does nothing."""
        self.signal(signal.SIGSTOP)
        os.waitpid(self.process.pid, os.WUNTRACED)

    def _heard(self, word):
        assert select.select([self.process.stdout], [], [], PATIENCE)[0], f"expected {word!r} within {PATIENCE} s"
        line = self.process.stdout.readline().decode().strip()
        assert line == word, f"expected {word!r}, was {line!r}"


def main(name):
    publisher = Publisher(name)
    publisher.open()
    print("opened", flush=True)
    for line in sys.stdin:
        method, arguments, options = json.loads(line)
        getattr(publisher, method)(*arguments, **options)
        print(method, flush=True)
    publisher.close()


if __name__ == "__main__":
    with contextlib.suppress(BrokenPipeError):
        main(sys.argv[1])
