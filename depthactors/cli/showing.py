"""Books on the screen: ladders on a terminal, else a line a second and book."""

from __future__ import annotations

import math
import sys
import threading
import time
from typing import TYPE_CHECKING, Final

from depthactors.cli.lines import COLUMNS, LINES

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from depthactors.cli.shown import Shown

_FRAME: Final = 0.2
"""Seconds between two drawings."""
_PLAIN_EVERY: Final = 1.0
"""Seconds between two lines of a book."""


def show(
    books: Sequence[Shown],
    seconds: float = math.inf,
    *,
    levels: int,
    form: str | None = None,
    is_over: Callable[[], bool] = lambda: False,
) -> None:
    """Show books for `seconds`, or until there is nothing more to see. Thread: the caller's; Ctrl-C interrupts.

    Without rich there are lines on a terminal, too.

    Args:
        books: the books.
        seconds: seconds until the end.
        levels: number of levels a side in a ladder, or in a line of JSON.
        form: form of the lines, `json` or `csv`; `None` for a person.
        is_over: returns whether there is nothing more to see.
    """
    if form is None and sys.stdout is not None and sys.stdout.isatty():
        try:
            from depthactors.cli.ladder import draw  # noqa: PLC0415 - an extra
        except ImportError:
            pass
        else:
            draw(books, seconds, _FRAME, levels, is_over)
            return
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
            return
