"""Tables in HTML, which notebooks show for a value."""

from __future__ import annotations

from html import escape
from itertools import zip_longest
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_LEVELS: Final = 10
"""Levels a side that are shown: a notebook does not scroll within a value."""


def ladder_html(title: str, bids: Sequence[tuple[str, str]], asks: Sequence[tuple[str, str]]) -> str:
    """Return the best levels `(price, quantity)` of both sides as a table, bids to the left of asks."""
    pairs = zip_longest(bids[:_LEVELS], asks[:_LEVELS], fillvalue=("", ""))
    rows = ((bid_size, bid, ask, ask_size) for (bid, bid_size), (ask, ask_size) in pairs)
    return table_html(title, ("quantity", "bid", "ask", "quantity"), rows)


def table_html(title: str, columns: Sequence[str], rows: Iterable[Iterable[object]]) -> str:
    """Return a table with a title and a line of column names; every text is escaped, and `None` is an empty cell."""
    head = "".join(f"<th>{escape(column)}</th>" for column in columns)
    body = "".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in rows)
    return f"<table><caption>{escape(title)}</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _cell(value: object) -> str:
    return f"<td>{'' if value is None else escape(str(value))}</td>"
