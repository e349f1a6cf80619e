"""Which task the calling thread runs, and how it lets others run before it waits."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from depthactors.dispatcher.dispatcher import Runnable


class Runs(Protocol):
    """A thread of a dispatcher."""

    task: Runnable | None

    def leave_queue(self) -> None:
        """Let another thread run the queue, if this one does."""


_threads: dict[int, Runs] = {}
"""The threads of all dispatchers, by their idents."""


def register(thread: Runs) -> None:
    """Note that the calling thread belongs to a dispatcher."""
    _threads[threading.get_ident()] = thread


def unregister() -> None:
    """Note that the calling thread ends."""
    _threads.pop(threading.get_ident(), None)


def current_task() -> Runnable | None:
    """Return the task that the calling thread runs, `None` for a thread of no dispatcher. Any thread."""
    thread = _threads.get(threading.get_ident())
    return None if thread is None else thread.task


def about_to_wait() -> None:
    """Let another thread run the queue, if the calling one does: it is going to wait, perhaps for an actor.

    Raises:
        LifecycleError: there is no thread for that.
    """
    thread = _threads.get(threading.get_ident())
    if thread is not None:
        thread.leave_queue()
