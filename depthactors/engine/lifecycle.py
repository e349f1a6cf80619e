"""The ends of an engine that nobody calls: the interpreter's exit, and a fork."""

from __future__ import annotations

import atexit
import os
import threading
import time
from math import inf
from typing import TYPE_CHECKING, Final, Protocol

from depthactors.actors.callbacks import is_calling

if TYPE_CHECKING:
    from collections.abc import Iterable

PATIENCE: Final = 0.5
"""Seconds that a stop waits for a callback that is under way: longer, and the callback may be waiting for the stop."""
_SLICE: Final = 0.05
"""Seconds between two looks at what a thread is at that is waited for."""
_EXIT_TIMEOUT: Final = 2.0
"""Seconds that an engine may take to stop when the interpreter ends; its threads are daemons anyway."""


class Running(Protocol):
    """What runs threads that must not outlive the interpreter, and do not exist in a fork."""

    def stop(self, timeout: float) -> None:
        """End every thread."""

    def detach(self) -> None:
        """Say in a fork that nothing runs here."""


running: set[Running] = set()
"""What is started and not stopped; kept here even if nobody else keeps it, as its threads are."""


class Latch:
    """Something that happens once and can be waited for. A signal handler may set it.

    `threading.Event` has a lock that a handler could find held by the very thread it interrupted.
    """

    def __init__(self) -> None:
        """Begin unset."""
        self._is_set = False
        self._closed = threading.Lock()
        self._closed.acquire()

    def set(self) -> None:
        """Let everybody pass, now and later."""
        self._is_set = True
        try:
            self._closed.release()
        except RuntimeError:
            # It was set before.
            return

    def wait(self, timeout: float) -> bool:
        """Wait for at most `timeout` seconds; returns whether it is set."""
        try:
            self._closed.acquire(timeout=max(0.0, timeout))
        finally:
            # Ctrl-C may come while this waiter has the lock, which the others wait for.
            if self._is_set:
                self.set()
        return self._is_set


def join(threads: Iterable[threading.Thread], deadline: float, patience: float = inf) -> list[threading.Thread]:
    """Wait for threads other than this one; returns those that are alive still.

    One that was never started, as the system had none to give, is over.

    Args:
        threads: those to wait for.
        deadline: monotonic time at which waiting ends.
        patience: seconds after which a thread is not waited for while it is in a user's function, which may be
            waiting for this thread.
    """
    impatient = min(deadline, time.monotonic() + patience)
    others = [thread for thread in threads if thread is not threading.current_thread() and thread.ident is not None]
    for thread in others:
        # In slices: it may enter a user's function while it is waited for.
        while thread.is_alive():
            left = (impatient if is_calling(thread) else deadline) - time.monotonic()
            if left <= 0:
                break
            thread.join(min(left, _SLICE))
    return [thread for thread in others if thread.is_alive()]


def _stop_all() -> None:
    for each in tuple(running):
        each.stop(timeout=_EXIT_TIMEOUT)


def _detach_all() -> None:
    for each in tuple(running):
        each.detach()


atexit.register(_stop_all)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_detach_all)
