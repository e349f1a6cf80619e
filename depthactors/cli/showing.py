"""Books on the screen: ladders on a terminal, else a line a second and book."""

from __future__ import annotations

import math
import sys
import threading
import time
from typing import TYPE_CHECKING, Final

from depthactors.cli.drawing import Drawing
from depthactors.cli.lines import COLUMNS, LINES

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from decimal import Decimal

    from depthactors.cli.shown import Shown

_PLAIN_EVERY: Final = 1.0
"""Seconds between two lines of a book."""


def draws(form: str | None) -> bool:
    """Whether books are drawn: lines are written where a form of them is asked for, or there is no terminal."""
    if form is not None or sys.stdout is None or not sys.stdout.isatty():
        return False
    try:
        from depthactors.cli.screen import can_draw  # noqa: PLC0415 - a Python may be built without curses
    except ImportError:
        return False
    return can_draw()


def show(
    books: Sequence[Shown],
    seconds: float = math.inf,
    *,
    levels: int,
    form: str | None = None,
    step: Decimal | None = None,
    remarks: Callable[[], Sequence[str]] = tuple,
    is_over: Callable[[], bool] = lambda: False,
) -> bool:
    """Show books for `seconds`, or until there is nothing more to see; returns whether a person has quit.

    Thread: the main one; Ctrl-C interrupts.

    Args:
        books: the books.
        seconds: seconds until the end.
        levels: number of levels a side in a line of JSON.
        form: form of the lines, `json` or `csv`; `None` for a person.
        step: step of the price by which a ladder puts levels together; `None` for every level apart.
        remarks: returns words about all books, which are shown below the ladders.
        is_over: returns whether there is nothing more to see.
    """
    if draws(form):
        from depthactors.cli.live import draw  # noqa: PLC0415 - needs curses

        return draw(Drawing(books, step, remarks), seconds, is_over)
    if form == "csv":
        print(*COLUMNS, sep=",", flush=True)
    line_of = LINES[form]
    deadline = time.monotonic() + seconds
    pause = threading.Event()
    while True:
        pause.wait(min(_PLAIN_EVERY, max(0.0, deadline - time.monotonic())))
        for each in books:
            print(line_of(each, levels), flush=True)
        if time.monotonic() >= deadline or is_over():
            return False
