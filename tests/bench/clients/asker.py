"""Reads the books of an engine under load, in each of the ways there are; ours only.

A line of input is `KIND THREADS CALLS`; a line of output the seconds that the calls took.
"""

import json
import os
import sys
import threading
import time

import pykka

from depthactors import DepthEngine, Top

PATIENCE = 10.0


class Busy(pykka.ThreadingActor):
    """An actor of pykka's own make that does nothing useful, for as long as it is asked to."""

    use_daemon_thread = True

    def on_receive(self, seconds):
        until = time.perf_counter() + seconds
        while seconds and time.perf_counter() < until:
            pass


def main(port, *symbols):
    os.environ["DEPTHACTORS_EXCHANGE"] = f"http://127.0.0.1:{port}"
    other = Busy.start()
    with DepthEngine(market="spot") as engine:
        books = engine.subscribe_many(symbols, depth=10)
        for book in books:
            book.wait_live(PATIENCE)
        kinds = {
            "view": lambda book: book.view(),
            "view and levels": lambda book: _levels(book.view()),
            "handle.ask(Top(5))": lambda book: book.ask(Top(5)),
            "ref.ask(Top(5))": lambda book: book.ref.ask(Top(5), timeout=PATIENCE),
            "ref.ask(Top(10))": lambda book: book.ref.ask(Top(10), timeout=PATIENCE),
            "empty ask": lambda _book: other.ask(0, timeout=PATIENCE),
            "ask of 5 us": lambda _book: other.ask(5e-6, timeout=PATIENCE),
            "ask of 10 us": lambda _book: other.ask(10e-6, timeout=PATIENCE),
        }
        _tell(list(kinds))
        for line in sys.stdin:
            kind, threads, calls = json.loads(line)
            _tell(_time(kinds[kind], books, threads, calls))
    other.stop()


def _levels(view):
    return view.bids, view.asks


def _time(read, books, threads, calls):
    def work(number):
        begin.wait()
        book = books[number % len(books)]
        for _ in range(calls):
            read(book)

    begin = threading.Barrier(threads + 1)
    workers = [threading.Thread(target=work, args=(number,)) for number in range(threads)]
    for worker in workers:
        worker.start()
    begin.wait()
    begun = time.perf_counter()
    for worker in workers:
        worker.join()
    return time.perf_counter() - begun


def _tell(fact):
    sys.stdout.write(json.dumps(fact) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
