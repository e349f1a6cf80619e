"""The threads of an engine: their names and how they are started."""

from __future__ import annotations

from itertools import count
from time import sleep
from typing import TYPE_CHECKING, Final

from depthactors.errors import LifecycleError

if TYPE_CHECKING:
    import threading

THREAD_PREFIX: Final = "depthactors-"
"""Prefix of the names of all threads of an engine."""

_numbers = count(1)


def thread_name(name: str) -> str:
    """Return a name for a new thread of an engine, unique in the process."""
    return f"{THREAD_PREFIX}{name}-{next(_numbers)}"


def start_thread(thread: threading.Thread, owner: str) -> None:
    """Start a thread of an engine. Thread: any.

    Args:
        thread: a new thread.
        owner: name of the thread's owner, for the error.

    Raises:
        LifecycleError: the system cannot start another thread.
    """
    try:
        thread.start()
    except (RuntimeError, MemoryError) as error:
        msg = f"{owner}: its thread could not be started: {error}"
        raise LifecycleError(msg) from error


def give_way() -> None:
    """Let another thread run that is ready: it may be in the middle of what this one needs."""
    sleep(0)


def is_engine_thread(thread: threading.Thread) -> bool:
    """Return whether a thread belongs to an engine. Code of the user that runs in it is a callback."""
    return thread.name.startswith(THREAD_PREFIX)
