"""The terminal while books are drawn on it: its other screen, its keys, and the way back, whatever ends the drawing."""

from __future__ import annotations

import curses
import os
import select
import shutil
import sys
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final

from depthactors.cli.endings import ended_by_signal
from depthactors.cli.styled import COLOURS, cells

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from depthactors.cli.styled import Line, Style

_KEYS: Final = {
    curses.KEY_LEFT: "left",
    curses.KEY_RIGHT: "right",
    curses.KEY_UP: "up",
    curses.KEY_DOWN: "down",
    curses.KEY_PPAGE: "page-up",
    curses.KEY_NPAGE: "page-down",
    curses.KEY_BTAB: "back-tab",
    curses.KEY_ENTER: "enter",
    ord("\n"): "enter",
    ord("\r"): "enter",
    ord("\t"): "tab",
}
_ATTRIBUTES: Final = {"bold": curses.A_BOLD, "dim": curses.A_DIM, "chosen": curses.A_REVERSE}


class TerminalClosedError(Exception):
    """The terminal is gone."""


class Screen:
    """The other screen of a terminal: a change of its size leaves nothing behind. Thread: the main one."""

    def __init__(self, window: curses.window) -> None:
        """Take over the window of `curses.initscr`."""
        self._window = window
        self._pause = threading.Event()
        self._styles = {"": curses.A_NORMAL} | _ATTRIBUTES | _coloured()
        self._reads_keys = sys.stdin is not None and sys.stdin.isatty()

    @property
    def size(self) -> tuple[int, int]:
        """Columns and lines at this moment."""
        width, height = shutil.get_terminal_size()
        if self._window.getmaxyx() != (height, width):
            curses.resizeterm(height, width)
            self._window.clear()
        return width, height

    def show(self, lines: Sequence[Line]) -> None:
        """Replace what is on the screen; only what differs is sent to the terminal."""
        self._window.erase()
        for row, line in enumerate(lines):
            column = 0
            for text, style in line:
                # The cursor cannot go behind the last cell of the last line, which is an error after it was written.
                with suppress(curses.error):
                    self._window.addstr(row, column, text, self._style(style))
                column += cells(text)
        self._window.refresh()

    def key(self, seconds: float) -> str | None:
        """Wait for a key, and return a character or the name of a key; `None` if there was none.

        Raises:
            TerminalClosedError: there will be none.
        """
        if not self._reads_keys:
            self._pause.wait(seconds)
            return None
        if select.select([sys.stdin], [], [], seconds)[0] and _is_closed():
            raise TerminalClosedError
        self._window.timeout(0)
        code = self._window.getch()
        if code in _KEYS:
            return _KEYS[code]
        return chr(code) if 0 < code < 128 else None

    def _style(self, style: Style) -> int:
        return self._styles[style]


def _coloured() -> dict[str, int]:
    """Return the attributes of the coloured styles, on a terminal that may have no colours."""
    with suppress(curses.error):
        curses.start_color()
        curses.use_default_colors()
        for number, colour in enumerate(COLOURS.values(), start=1):
            curses.init_pair(number, getattr(curses, f"COLOR_{colour.upper()}"), -1)
        return {style: curses.color_pair(number) for number, style in enumerate(COLOURS, start=1)}
    return dict.fromkeys(COLOURS, curses.A_NORMAL)


def _is_closed() -> bool:
    """Whether the other side of the terminal is gone: it can be read then, without end."""
    poll = select.poll()
    poll.register(sys.stdin, select.POLLIN)
    return any(events & (select.POLLHUP | select.POLLERR | select.POLLNVAL) for _, events in poll.poll(0))


def can_draw() -> bool:
    """Whether standard output is a terminal that `curses` knows."""
    if sys.stdout is None or not sys.stdout.isatty():
        return False
    try:
        curses.setupterm(os.environ.get("TERM", "unknown"), sys.stdout.fileno())
    except curses.error:
        return False
    return bool(curses.tigetstr("cup"))


@contextmanager
def screen() -> Iterator[Screen]:
    """Draw on the terminal's other screen, and give the terminal back as it was.

    SIGTERM and SIGHUP raise `SystemExit` meanwhile. Ctrl-Z and `fg` are in the hands of `curses`.
    """
    with ended_by_signal():
        window = curses.initscr()
        try:
            curses.set_escdelay(25)
            curses.noecho()
            curses.cbreak()
            window.keypad(True)
            with suppress(curses.error):
                curses.curs_set(0)
            yield Screen(window)
        finally:
            with suppress(curses.error):
                window.keypad(False)
                curses.curs_set(1)
            with suppress(curses.error):
                curses.endwin()
