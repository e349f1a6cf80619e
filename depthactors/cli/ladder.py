"""Ladders of several books side by side, drawn with rich."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from rich.columns import Columns
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from depthactors.book import BookState

if TYPE_CHECKING:
    from rich.console import RenderableType

    from depthactors.cli.followed import Followed

_BAR = 12
_COLOURS = {BookState.LIVE: "green", BookState.STALE: "yellow", BookState.SYNCING: "cyan"}


def draw(followed: list[Followed], seconds: float, frame: float, levels: int) -> None:
    """Redraw every `frame` seconds until `seconds` are over; in the calling thread, Ctrl-C interrupts."""
    deadline = time.monotonic() + seconds
    pause = threading.Event()
    with Live(_screen(followed, levels), auto_refresh=False) as live:
        while (left := deadline - time.monotonic()) > 0:
            pause.wait(min(frame, left))
            live.update(_screen(followed, levels), refresh=True)


def _screen(followed: list[Followed], levels: int) -> RenderableType:
    return Columns([_ladder(each, levels) for each in followed])


def _ladder(each: Followed, levels: int) -> Panel:
    table = Table.grid(padding=(0, 1))
    table.add_column(justify="right", width=12)
    table.add_column(justify="right", width=10)
    table.add_column(width=_BAR)
    cache = each.cache
    if cache is None:
        return Panel(Text("waiting for the first update", style="dim"), title=each.symbol, width=40)
    view = cache.view(levels)
    largest = max((quantity for _, quantity in (*view.asks, *view.bids)), default=1)
    for side, style in ((reversed(view.asks), "red"), (view.bids, "green")):
        for price, quantity in side:
            bar = "█" * max(1, round(float(quantity) / float(largest) * _BAR))
            table.add_row(Text(f"{price:.2f}", style=style), f"{quantity:.4f}", Text(bar, style=style))
    state = view.state
    title = f"{each.symbol} [{_COLOURS.get(state, 'red')}]{state}[/]"
    return Panel(table, title=title, subtitle=f"{each.updates} updates, {view.age:.1f} s old", width=40)
