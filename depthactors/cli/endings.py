"""The end of a command that runs until a signal: Ctrl-C, SIGTERM and the end of its terminal let it finish its work."""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from depthactors.dispatcher.gate import Gate

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType


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
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
            before[signal.SIGHUP] = signal.signal(signal.SIGHUP, hang_up)
        yield gate
    finally:
        restore()
