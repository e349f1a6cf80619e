"""A gate: what many threads wait for, and what opens and shuts again and again."""

from __future__ import annotations

import threading
from collections import deque
from contextlib import suppress


class Gate:
    """Open or shut; whoever waits passes when it opens. Any thread, signal handlers too.

    `threading.Event` has a lock, which a signal handler may find held by the very thread that it interrupts, in the
    middle of a wait: it would wait for ever, and whoever is to open the gate for as long as the handler runs.
    """

    def __init__(self) -> None:
        """Begin shut."""
        self._is_open = False
        self._waiting: deque[threading.Lock] = deque()

    def is_set(self) -> bool:
        """Return whether it is open."""
        return self._is_open

    def set(self) -> None:
        """Open it, and let all pass who wait; returns at once."""
        self._is_open = True
        with suppress(IndexError):
            while True:
                # Each was locked before it was put there, and is unlocked by whoever takes it.
                self._waiting.popleft().release()

    def clear(self) -> None:
        """Shut it."""
        self._is_open = False

    def wait(self, timeout: float) -> bool:
        """Wait for at most so many seconds until it is open; returns whether it was at some time."""
        if self._is_open:
            return True
        passing = threading.Lock()
        passing.acquire()
        self._waiting.append(passing)
        try:
            # Perhaps it was opened before anybody could see who waits.
            return self.is_set() or passing.acquire(timeout=min(max(0.0, timeout), threading.TIMEOUT_MAX))
        finally:
            with suppress(ValueError):
                self._waiting.remove(passing)
