"""The end of a command that runs until a signal: Ctrl-C and SIGTERM let it finish its work."""

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
    """Open a gate at SIGINT or SIGTERM; a second signal does what it did before: Ctrl-C raises `KeyboardInterrupt`.

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

    def restore() -> None:
        for each, handler in before.items():
            signal.signal(each, handler)

    try:
        for each in (signal.SIGINT, signal.SIGTERM):
            before[each] = signal.signal(each, end)
        yield gate
    finally:
        restore()
