"""A gate, which many threads can wait for, and which can open and shut many times."""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import Final

from depthactors.dispatcher.current import about_to_wait

_LONG: Final = 3600.0
"""Seconds: no system can wait without limit in one call."""


class Gate:
    """Is open or shut; a thread that waits passes when it opens.

    `threading.Event` has a lock. A signal handler that interrupts a thread in a wait may find the lock held by that
    thread: then the handler would wait for ever, and so would a thread that wants to open the gate.

    Thread: any, signal handlers included.
    """

    def __init__(self) -> None:
        """Begin shut."""
        self._is_open = False
        # A lock for each thread that waits, held by that thread until the gate opens.
        self._waiting: list[threading.Lock] = []

    def is_set(self) -> bool:
        """Return whether it is open."""
        return self._is_open

    def set(self) -> None:
        """Open the gate for all threads that wait; returns at once."""
        self._is_open = True
        for passing in tuple(self._waiting):
            # It may have been released by another call, which Ctrl-C interrupted, or which runs in another thread.
            with suppress(RuntimeError):
                passing.release()

    def clear(self) -> None:
        """Shut the gate."""
        self._is_open = False

    def wait(self, timeout: float | None) -> bool:
        """Wait until the gate is open, for `timeout` seconds at most, `None` without end; return whether it was open.

        Raises:
            LifecycleError: this thread runs a queue, and no other thread can go on with it.
        """
        if self._is_open:
            return True
        left = about_to_wait(self.is_set, timeout)
        passing = threading.Lock()
        passing.acquire()
        self._waiting.append(passing)
        try:
            # The gate may have opened before the lock was put there.
            while not self.is_set():
                if passing.acquire(timeout=_LONG if left is None else min(max(0.0, left), threading.TIMEOUT_MAX)):
                    return True
                if left is not None:
                    return False
            return True
        finally:
            with suppress(ValueError):
                self._waiting.remove(passing)
