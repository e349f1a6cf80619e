"""Ladders of several books side by side, drawn with rich."""

from __future__ import annotations

import io
import sys
import threading
import time
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from rich.columns import Columns
from rich.console import Console, Group
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
    """Redraw every `frame` seconds until `seconds` or the books are over; in the calling thread, Ctrl-C interrupts."""
    deadline = time.monotonic() + seconds
    pause = threading.Event()
    with Live(_screen(books, levels), auto_refresh=False) as live:
        while (left := deadline - time.monotonic()) > 0 and not is_over():
            pause.wait(min(frame, left))
            live.update(_screen(books, levels), refresh=True)


def save(books: Sequence[Shown], levels: int, path: Path) -> None:
    """Write the screen as an SVG picture, side by side in one row.

    Raises:
        OSError: the file cannot be written.
    """
    console = Console(file=io.StringIO(), record=True, force_terminal=True, width=len(books) * (_WIDTH + 1) - 1)
    console.print(_screen(books, levels))
    console.save_svg(str(path), title="depthactors demo")


def _screen(books: Sequence[Shown], levels: int) -> RenderableType:
    return Columns([_ladder(each, levels) for each in books])


def _ladder(each: Shown, levels: int) -> Panel:
    view, words = each.look(levels)
    beside = Text(words, style="dim")
    if view is None:
        return Panel(beside, title=each.symbol, width=_WIDTH)
    title = f"{each.symbol} [{_COLOURS.get(view.state, 'red')}]{view.state}[/]"
    return Panel(Group(_table(view), beside), title=title, subtitle=f"{view.age:.1f} s old", width=_WIDTH)


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
