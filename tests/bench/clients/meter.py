"""What each client of the `pipe` benchmark measures itself with; needs nothing but Python.

The client says when every symbol was seen. Then each line of input is a number of seconds to measure for, and each
line of output what came of it.
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


class Meter:
    """Counts the updates that a client shows and how late they are."""

    def __init__(self, symbols, others=float):
        """Measure for these symbols; `others` returns CPU seconds of its other processes, if it has any."""
        self._others = others
        self._unseen = set(symbols)
        self._all_seen = threading.Event()
        self._latest = dict.fromkeys(symbols)
        self._late = []

    def saw(self, symbol, event_time_us):
        """Note an update, as soon as its best levels have been read; any thread, but one a symbol."""
        if (event_time_us or 0) < A_LONG_TIME_AGO or event_time_us == self._latest[symbol]:
            # Before the first event there is none, or the snapshot's id; a fresh snapshot shows an old one again.
            return
        self._latest[symbol] = event_time_us
        self._late.append(time.time() * 1e6 - event_time_us)
        if self._unseen:
            self._unseen.discard(symbol)
            if not self._unseen:
                self._all_seen.set()

    def run(self):
        """Tell when all symbols are there, and measure as often as told to; returns at the end of the input."""
        self._all_seen.wait()
        self._tell(ready=True)
        for line in sys.stdin:
            self._measure(float(line))

    def _measure(self, seconds):
        own, others, begun, first = time.process_time(), self._others(), time.monotonic(), len(self._late)
        time.sleep(seconds)
        own, elapsed, last = time.process_time() - own, time.monotonic() - begun, len(self._late)
        late = sorted(self._late[first:last])
        self._tell(
            seconds=elapsed,
            cpu=own + self._others() - others,
            own_cpu=own,
            updates=len(late),
            late_ms={name: late[int(share * len(late))] / 1e3 for name, share in SHARES.items()} if late else None,
            rss_mb=_resident_mb(),
            threads=threading.active_count(),
        )

    @staticmethod
    def _tell(**facts):
        sys.stdout.write(json.dumps(facts) + "\n")
        sys.stdout.flush()


def _resident_mb():
    # Not ru_maxrss, which a program inherits from whoever started it.
    pages = Path("/proc/self/statm").read_text().split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE") / 2**20
