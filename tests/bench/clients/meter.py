"""What each client of the `pipe` benchmark measures itself with; needs nothing but Python.

The client says when every symbol was seen. Then each line of input is `[SETTLE, SECONDS]`, and each line of output what
came of the events that were made within these seconds. Both ends know them by their time, so that each is counted once.
Without SETTLE (null) the seconds are counted from the start of the client.
"""

import json
import os
import sys
import threading
import time
from pathlib import Path

A_LONG_TIME_AGO = 10**15
"""Microseconds since the epoch, in 2001."""
SHARES = {"p50": 0.5, "p99": 0.99, "p99.9": 0.999}
CALM = 0.3
"""Seconds between asking the client for its counters, which costs time, and what is measured."""
GRACE = 0.3
"""Seconds that the last events have to be shown in: more than makes them late."""


class Meter:
    """Counts the updates that a client shows and how late they are."""

    def __init__(self, symbols, *, others=float, coalesced=int):
        """Measure for these symbols.

        Args:
            symbols: the symbols that have to be seen before anything is measured.
            others: returns CPU seconds of the client's other processes, if it has any.
            coalesced: returns the number of updates that the client left out on purpose, if it counts them.
        """
        self._others = others
        self._coalesced = coalesced
        self._unseen = set(symbols)
        self._all_seen = threading.Event()
        self._latest = dict.fromkeys(symbols)
        self._seen = []
        self._started = time.time()

    def saw(self, symbol, event_time_us):
        """Note an update, as soon as its best levels have been read; any thread, but one a symbol."""
        if (event_time_us or 0) < A_LONG_TIME_AGO or event_time_us == self._latest[symbol]:
            # Before the first event there is none, or the snapshot's id; a fresh snapshot shows an old one again.
            return
        self._latest[symbol] = event_time_us
        self._seen.append((event_time_us, time.time() * 1e6))
        if self._unseen:
            self._unseen.discard(symbol)
            if not self._unseen:
                self._all_seen.set()

    def run(self):
        """Tell when all symbols are there, and measure as often as told to; returns at the end of the input."""
        self._all_seen.wait()
        _tell(ready=True)
        for line in sys.stdin:
            self._measure(*json.loads(line))

    def _measure(self, settle, seconds):
        coalesced = 0
        own, others, begun = 0.0, 0.0, self._started
        if settle is not None:
            time.sleep(max(0.0, settle - CALM))
            coalesced = self._coalesced()
            self._seen = []
            time.sleep(CALM)
            own, others, begun = time.process_time(), self._others(), time.time()
        time.sleep(max(0.0, begun + seconds - time.time()))
        own, others, ended = time.process_time() - own, self._others() - others, time.time()
        time.sleep(GRACE)
        begin_us, end_us = int(begun * 1e6), int(ended * 1e6)
        late = sorted(seen - made for made, seen in self._seen.copy() if begin_us <= made < end_us)
        _tell(
            begin_us=begin_us,
            end_us=end_us,
            seconds=ended - begun,
            cpu=own + others,
            own_cpu=own,
            updates=len(late),
            coalesced=self._coalesced() - coalesced,
            late_ms={name: late[int(share * len(late))] / 1e3 for name, share in SHARES.items()} if late else None,
            rss_mb=_resident_mb(),
            threads=_threads(),
        )


def coalesced(engine):
    """Return the number of updates that an engine or a manager of ours has left out, since a later one was there."""
    return sum(book.counters.coalesced for book in engine.status().books)


def _tell(**facts):
    sys.stdout.write(json.dumps(facts) + "\n")
    sys.stdout.flush()


def _resident_mb():
    # Not ru_maxrss, which a program inherits from whoever started it.
    pages = Path("/proc/self/statm").read_text().split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE") / 2**20


def _threads():
    # Also those that are not Python's.
    return len(list(Path("/proc/self/task").iterdir()))
