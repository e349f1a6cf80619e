"""Ladders of several books side by side, drawn with rich."""

from __future__ import annotations

import io
import sys
import threading
import time
from decimal import Decimal
from textwrap import wrap
from typing import TYPE_CHECKING, Any

from rich.columns import Columns
from rich.console import Console, ConsoleDimensions, Group
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from depthactors.book import BookState

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from rich.console import RenderableType

    from depthactors.book import BookView
    from depthactors.cli.shown import Shown

_WIDTH = 40
_BAR = 12
_FULL = "█"
_COLOURS = {BookState.LIVE: "green", BookState.STALE: "yellow", BookState.SYNCING: "cyan"}


def draw(books: Sequence[Shown], seconds: float, frame: float, levels: int, is_over: Callable[[], bool]) -> None:
    """Redraw every `frame` seconds until `seconds` or the books are over; in the calling thread, Ctrl-C interrupts.

    It is drawn on the terminal's other screen, so that a change of its size leaves nothing behind; the last picture is
    printed at the end.
    """
    deadline = time.monotonic() + seconds
    pause = threading.Event()
    console = Console()
    try:
        with Live(_screen(books, levels, console.size), console=console, auto_refresh=False, screen=True) as live:
            while (left := deadline - time.monotonic()) > 0 and not is_over():
                pause.wait(min(frame, left))
                live.update(_screen(books, levels, console.size), refresh=True)
    finally:
        console.print(_screen(books, levels, console.size))


def save(books: Sequence[Shown], levels: int, path: Path) -> None:
    """Write the screen as an SVG picture, side by side in one row.

    Raises:
        OSError: the file cannot be written.
    """
    size = ConsoleDimensions(len(books) * (_WIDTH + 1) - 1, _height(levels, 1))
    console = Console(file=io.StringIO(), record=True, force_terminal=True, width=size.width)
    console.print(_screen(books, levels, size))
    console.save_svg(str(path), title="depthactors demo")


def _screen(books: Sequence[Shown], levels: int, size: ConsoleDimensions) -> RenderableType:
    """Return the ladders of as many books as there is room for, each with as many levels as there is room for."""
    width = min(_WIDTH, size.width)
    across = max(1, (size.width + 1) // (width + 1))
    looks = [(each.symbol, *each.look(levels)) for each in books]
    words = max((len(wrap(words, width - 4)) for _, _, words in looks), default=1)
    # With the fewest levels, and a line for the books that are left out.
    down = max(1, (size.height - 1) // _height(1, words))
    shown = looks[: across * down]
    left_out = len(looks) - len(shown)
    rows = max(1, -(-len(shown) // across))
    room = (size.height - (left_out > 0)) // rows - _height(0, words)
    fitting = max(1, min(levels, room // 2))
    ladders = Columns([_ladder(*look, fitting, width) for look in shown])
    return Group(ladders, Text(f"and {left_out} more: there is no room", style="dim")) if left_out else ladders


def _height(levels: int, words: int) -> int:
    """Return the number of lines of a ladder: its levels on both sides, its words, and the frame around them."""
    return 2 * levels + words + 2


def _ladder(symbol: str, view: BookView[Any] | None, words: str, levels: int, width: int) -> Panel:
    beside = Text(words, style="dim")
    if view is None:
        return Panel(beside, title=symbol, width=width)
    title = f"{symbol} [{_COLOURS.get(view.state, 'red')}]{view.state}[/]"
    table = _table(view.best(levels, view.number))
    return Panel(Group(table, beside), title=title, subtitle=f"{view.age:.1f} s old", width=width)


def _table(view: BookView[Any]) -> Table:
    table = Table.grid(padding=(0, 1))
    table.add_column(justify="right", min_width=10, no_wrap=True)
    table.add_column(justify="right", min_width=10, no_wrap=True)
    table.add_column(width=_BAR)
    asks, bids = view.texts("ask")[::-1], view.texts("bid")
    rows = [(*level, "red") for level in asks] + [(*level, "green") for level in bids]
    prices, quantities = _aligned([row[0] for row in rows]), _aligned([row[1] for row in rows])
    mark = _mark()
    largest = max((float(row[1]) for row in rows), default=1.0)
    for price, quantity, (_, size, style) in zip(prices, quantities, rows, strict=True):
        bar = mark * max(1, round(float(size) / largest * _BAR))
        table.add_row(Text(price, style=style), quantity, Text(bar, style=style))
    return table


def _mark() -> str:
    """Return what bars are drawn with, on a terminal that may know ASCII only."""
    try:
        _FULL.encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        return "#"
    return _FULL


def _aligned(texts: list[str]) -> list[str]:
    """Spell numbers with as many decimals as the longest of them needs, and no more: many markets fill with zeros."""
    decimals = max((len(text.partition(".")[2].rstrip("0")) for text in texts), default=0)
    return [f"{Decimal(text):.{decimals}f}" for text in texts]
