"""The task of the calling thread, and a way for it to let others run before it waits."""

from __future__ import annotations

import os
import threading
import time
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from depthactors.dispatcher.dispatcher import Runnable


class RunningThread(Protocol):
    """A thread of a dispatcher.

    Attributes:
        task: the task that it runs, `None` between two tasks.
    """

    task: Runnable | None

    def let_others_run(self, is_over: Callable[[], bool], timeout: float | None) -> float | None:
        """Have others run while this thread waits; arguments and result as for `about_to_wait`."""


_threads: dict[int, RunningThread] = {}
"""The threads of all dispatchers, by their idents."""


def register(thread: RunningThread) -> None:
    """Note that the calling thread belongs to a dispatcher."""
    _threads[threading.get_ident()] = thread


def unregister() -> None:
    """Note that the calling thread ends."""
    _threads.pop(threading.get_ident(), None)


def current_task() -> Runnable | None:
    """Return the task that the calling thread runs, `None` for a thread of no dispatcher. Thread: any."""
    thread = _threads.get(threading.get_ident())
    return None if thread is None else thread.task


def unknown() -> bool:
    """Return `False`: it is not known when the wait of the caller is over."""
    return False


def about_to_wait(is_over: Callable[[], bool] = unknown, timeout: float | None = None) -> float | None:
    """Let another thread run the queue, if the calling one does: it is going to wait, perhaps for an actor.

    Args:
        is_over: returns whether there is nothing to wait for any more.
        timeout: seconds that the caller is going to wait at most; `None` without end.

    Returns:
        The seconds that the caller has to wait itself. In a simulation, which has no other thread, the others have run
        within this call, and it returns 0.

    Raises:
        LifecycleError: no other thread can run the queue.
    """
    thread = _threads.get(threading.get_ident())
    return timeout if thread is None else thread.let_others_run(is_over, timeout)


def sleep(seconds: float) -> None:
    """Wait, and let others run meanwhile; errors as for `about_to_wait`."""
    left = about_to_wait(timeout=seconds)
    if left:
        time.sleep(left)


# A fork has none of these threads, and gives their idents to new ones, which would run the parent's queue.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_threads.clear)
