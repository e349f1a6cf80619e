"""The end of a program that its managers keep alive: the main thread has ended, and Ctrl-C ends the rest.

At the end of the main thread Python waits for all threads that are not daemons. Ctrl-C then raises in the
interpreter's own code, which prints a traceback and goes on waiting. So the signal gets a handler that stops the
managers when the waiting begins, and not before.
"""

from __future__ import annotations

import signal
import sys
import threading
from typing import TYPE_CHECKING, Any, Final, Protocol

from depthactors import reporting
from depthactors.private_names import at_end_of_main_thread
from depthactors.reporting import stderr

if TYPE_CHECKING:
    from types import FrameType

logger = reporting.logger(__name__)


class Living(Protocol):
    """A thread that a program has started and that keeps it alive."""

    interrupted: bool
    name: str

    @property
    def daemon(self) -> bool:
        """Whether the program ends without it."""

    def is_alive(self) -> bool:
        """Return whether it was started and has not ended."""

    def stop(self) -> None:
        """End it."""


_STARTS_NONE: Final = (3, 12) <= sys.version_info < (3, 12, 2)
"""Whether this interpreter starts no thread once the main thread is over (CPython issue 113964)."""

_living: set[Any] = set()
_ENDS: Final = "stop() or Ctrl-C; one with `daemon = True` before start() ends with the main thread"


def add(manager: Living) -> None:
    """Have Ctrl-C stop a started manager if it outlives the main thread."""
    _living.add(manager)


def discard(manager: Living) -> None:
    """Forget a manager that was stopped."""
    _living.discard(manager)


def living() -> list[Any]:
    """Return the managers that were started and have not ended."""
    return [manager for manager in tuple(_living) if manager.is_alive()]


def _outlive() -> list[Any]:
    return [manager for manager in living() if not manager.daemon]


def _main_thread_ended() -> None:
    """Stop the managers if Ctrl-C has ended the main thread; else let the next Ctrl-C do it."""
    managers = _outlive()
    if not managers or threading.current_thread() is not threading.main_thread():
        return
    uncaught = getattr(sys, "last_type", None)
    interrupted = isinstance(uncaught, type) and issubclass(uncaught, KeyboardInterrupt)
    if interrupted or any(manager.interrupted for manager in managers):
        for manager in managers:
            manager.stop()
        return
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _interrupted)
    names = ", ".join(manager.name for manager in managers)
    if _STARTS_NONE:
        # Written here: the thread that writes notices would not start either.
        version = ".".join(map(str, sys.version_info[:3]))
        words = f"the main thread has ended, and Python {version} starts no thread after that: {names} cannot connect"
        stderr.write(f"depthactors: {words} any more; end the program with join(), or use Python 3.12.2 or newer\n")
    elif uncaught is not None or hasattr(sys, "ps1"):
        # A person who left `python`, or reads a traceback, waits for the prompt; other programs are made to live on.
        logger.notice(("main thread ended", names), "the main thread has ended, but %s goes on until %s", names, _ENDS)


def _interrupted(_number: int, _frame: FrameType | None) -> None:
    # A second Ctrl-C ends the program by force, as usual.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    managers = _outlive()
    for manager in managers:
        manager.stop()
    main = threading.main_thread()
    others = [each for each in threading.enumerate() if not each.daemon and each is not main and each not in managers]
    if others:
        # Ctrl-C goes on to the program's own threads, as it would without this library.
        raise KeyboardInterrupt


at_end_of_main_thread(_main_thread_ended)
