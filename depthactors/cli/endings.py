"""The end of a command by a signal: one that runs until then finishes its work, any other one clears it away."""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, NoReturn

from depthactors.dispatcher.gate import Gate

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

ENDINGS: Final = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name))
"""The signals that end a program; Windows has no SIGHUP."""


@contextmanager
def until_signal() -> Iterator[Gate]:
    """Open a gate at SIGINT, SIGTERM, or SIGHUP where that is not ignored, as by `nohup`.

    A second SIGINT or SIGTERM does what it did before: Ctrl-C raises `KeyboardInterrupt`.

    Thread: in another one than the main thread, which alone may handle signals, the gate stays shut.
    """
    gate = Gate()
    if threading.current_thread() is not threading.main_thread():
        yield gate
        return
    before: dict[int, Any] = {}

    def end(number: int, frame: FrameType | None) -> None:
        del number, frame
        restore()
        gate.set()

    def hang_up(number: int, frame: FrameType | None) -> None:
        # Not as before: a shell may send it once more when it ends itself.
        del number, frame
        gate.set()

    def restore() -> None:
        for each, handler in before.items():
            signal.signal(each, handler)

    try:
        for each in (signal.SIGINT, signal.SIGTERM):
            before[each] = signal.signal(each, end)
        hangup = getattr(signal, "SIGHUP", None)
        if hangup is not None and signal.getsignal(hangup) is not signal.SIG_IGN:
            before[hangup] = signal.signal(hangup, hang_up)
        yield gate
    finally:
        restore()


@contextmanager
def ended_by_signal() -> Iterator[None]:
    """Let SIGTERM and SIGHUP raise `SystemExit`, so that everything is put back and nothing half done is left.

    Thread: the main one; in another one nothing changes.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {each: signal.signal(each, _end) for each in ENDINGS if signal.getsignal(each) is not signal.SIG_IGN}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def _end(number: int, _frame: FrameType | None) -> NoReturn:
    """End as a program does that a signal ends, but by way of everything that has to be put back."""
    for each in ENDINGS:
        # A second one must not come between; the former handlers are back at the end.
        signal.signal(each, signal.SIG_IGN)
    raise SystemExit(128 + number)
