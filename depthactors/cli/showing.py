"""Books on the screen: ladders on a terminal, else a line a second and book."""

from __future__ import annotations

import math
import sys
import threading
import time
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from depthactors.cli.shown import Shown

_FRAME: Final = 0.2
"""Seconds between two drawings."""
_PLAIN_EVERY: Final = 1.0
"""Seconds between two lines of a book."""


def show(books: Sequence[Shown], seconds: float = math.inf, *, levels: int) -> None:
    """Show books for `seconds`. Thread: the caller's; Ctrl-C interrupts.

    Without rich there are lines on a terminal, too.
    """
    if sys.stdout is not None and sys.stdout.isatty():
        try:
            from depthactors.cli.ladder import draw  # noqa: PLC0415 - an extra
        except ImportError:
            pass
        else:
            draw(books, seconds, _FRAME, levels)
            return
    _print_lines(books, seconds)


def _print_lines(books: Sequence[Shown], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    pause = threading.Event()
    while (left := deadline - time.monotonic()) > 0:
        pause.wait(min(_PLAIN_EVERY, left))
        for each in books:
            print(_line(each), flush=True)


def _line(each: Shown) -> str:
    view, words = each.look(1)
    if view is None:
        return f"{each.symbol} {words}"
    touch = f"{view.best_bid[0]} / {view.best_ask[0]}" if view.best_bid and view.best_ask else "no levels"
    return f"{each.symbol} {view.state} {touch}  {view.age:.1f} s old, {words}"
