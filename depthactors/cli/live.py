"""Books on the terminal, drawn again and again, until a person has seen enough."""

from __future__ import annotations

import shutil
import signal
import time
from typing import TYPE_CHECKING, Final

from depthactors.cli.kept_errors import KeptErrors
from depthactors.cli.page import NEWS
from depthactors.cli.screen import TerminalClosedError, screen
from depthactors.cli.styled import plain

if TYPE_CHECKING:
    from collections.abc import Callable

    from depthactors.cli.drawing import Drawing
    from depthactors.cli.screen import Screen

_FRAME: Final = 0.2
"""Seconds between two pictures."""
_AFTER: Final = 6
"""Lines of the terminal that the last picture leaves to what follows it."""


def draw(drawing: Drawing, seconds: float, is_over: Callable[[], bool]) -> bool:
    """Draw until `seconds` are over, there is nothing more to see, or the person quits, which is returned.

    The last ladders stay on the terminal, and what was written to standard error meanwhile follows it.

    Thread: the main one; Ctrl-C interrupts.
    """
    deadline = time.monotonic() + seconds
    with KeptErrors() as errors:
        try:
            with screen() as shown:
                while (left := deadline - time.monotonic()) > 0 and not (drawing.is_over or is_over()):
                    _draw_once(drawing, shown, errors, min(_FRAME, left))
        except TerminalClosedError:
            raise SystemExit(128 + signal.SIGHUP) from None
        except KeyboardInterrupt:
            _leave(drawing)
            raise
        _leave(drawing)
    return drawing.is_over


def _draw_once(drawing: Drawing, shown: Screen, errors: KeptErrors, seconds: float) -> None:
    """Draw, and do what keys mean that are pressed within `seconds`."""
    errors.read()
    size, news = shown.size, errors.latest(NEWS)
    shown.show(drawing.lines(*size, news))
    key = shown.key(seconds)
    while key is not None:
        drawing.press(key, *size, news)
        key = shown.key(0.0)


def _leave(drawing: Drawing) -> None:
    """Print the ladders as they are now, a little lower than the terminal, which has more to say after them."""
    width, height = shutil.get_terminal_size()
    lines = [plain(line).rstrip() for line in drawing.ladders(width, max(1, height - _AFTER))]
    print("\n".join(lines).rstrip("\n"))
