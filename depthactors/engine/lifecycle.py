"""The end of an engine that the program does not stop: at the interpreter's exit, and in a fork."""

from __future__ import annotations

import atexit
import os
import threading
from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING, Final

from depthactors.actors.callbacks import is_calling
from depthactors.dispatcher.clock import SYSTEM_CLOCK
from depthactors.dispatcher.current import about_to_wait

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from depthactors.dispatcher.clock import Clock
    from depthactors.dispatcher.ending import Ending

PATIENCE: Final = 0.5
"""Seconds that a stop waits for a running callback, which may be waiting for the stop."""
_SLICE: Final = 0.05
"""Seconds between two checks whether a thread that is waited for runs a user's function."""
_EXIT_TIMEOUT: Final = 2.0
"""Seconds that an engine may take to stop when the interpreter ends."""


@dataclass(frozen=True, slots=True)
class Running:
    """An owner of threads that must not outlive the interpreter, and do not exist in a fork.

    Attributes:
        stop: stops every thread, within the given number of seconds.
        detach: notes, in a fork, that nothing runs there; `None` if there is nothing to note.
    """

    stop: Callable[[float], None]
    detach: Callable[[], None] | None = None


running: set[Running] = set()
"""Owners that are started and not stopped; kept alive here, as their threads are."""


def join(
    endings: Iterable[Ending], deadline: float, patience: float = inf, *, clock: Clock = SYSTEM_CLOCK
) -> list[Ending]:
    """Wait for actors, and threads other than this one; returns those that are still alive.

    A thread that was never started counts as over.

    Args:
        endings: the actors and threads to wait for.
        deadline: the clock's monotonic time at which waiting ends.
        patience: seconds after which a thread that runs a user's function is not waited for: that function may be
            waiting for this thread.
        clock: the time by which to wait: that of the dispatcher whose actors are waited for.
    """
    now = clock.monotonic
    impatient = min(deadline, now() + patience)
    others = [each for each in endings if each is not threading.current_thread() and each.is_alive()]
    if others:
        about_to_wait(lambda: not any(each.is_alive() for each in others), max(0.0, deadline - now()))
    for each in others:
        # In slices: the thread may enter a user's function meanwhile.
        while each.is_alive():
            is_stuck = isinstance(each, threading.Thread) and is_calling(each)
            left = (impatient if is_stuck else deadline) - now()
            if left <= 0:
                break
            each.join(min(left, _SLICE))
    return [each for each in others if each.is_alive()]


def _stop_all() -> None:
    for each in tuple(running):
        each.stop(_EXIT_TIMEOUT)


def _detach_all() -> None:
    for each in tuple(running):
        if each.detach is not None:
            each.detach()


atexit.register(_stop_all)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_detach_all)
