"""A book as one line: for a person, as JSON, as CSV."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Final

import orjson

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from depthactors.cli.shown import Shown

COLUMNS: Final = (
    "symbol",
    "state",
    "last_update_id",
    "event_time",
    "recv_time",
    "age",
    "bid",
    "bid_quantity",
    "ask",
    "ask_quantity",
    "note",
)
"""The columns of a line of CSV."""


def for_people(each: Shown, _levels: int) -> str:
    """Return symbol, state, best prices and age."""
    look = each.look(1)
    view, words = look.view, look.note
    if view is None:
        return f"{look.symbol} {look.why}"
    touch = f"{view.best_bid[0]} / {view.best_ask[0]}" if view.best_bid and view.best_ask else "no levels"
    # A book that never had data has no age.
    age = f"  {view.age:.1f} s old" if view.recv_time else ""
    return f"{look.symbol} {view.state} {touch}{age}, {words}"


def as_json(each: Shown, levels: int) -> str:
    """Return the view as an object, prices and quantities as the exchange spells them; without a view the note."""
    look = each.look(levels)
    if (view := look.view) is None:
        return orjson.dumps({"symbol": look.symbol, "note": look.why}).decode()
    fields = view.as_dict() | {"bids": view.texts("bid"), "asks": view.texts("ask"), "note": look.note}
    return orjson.dumps(fields).decode()


def as_csv(each: Shown, _levels: int) -> str:
    """Return the best levels as the exchange spells them; a cell is empty where there is nothing."""
    look = each.look(1)
    if (view := look.view) is None:
        cells = [look.symbol, *[""] * (len(COLUMNS) - 2), look.why or ""]
    else:
        (bid, bid_quantity), (ask, ask_quantity) = ((*view.texts(side), ("", ""))[0] for side in ("bid", "ask"))
        head = view.symbol, view.state, view.last_update_id, view.event_time, view.recv_time, f"{view.age:.3f}"
        cells = [*map(str, head), bid, bid_quantity, ask, ask_quantity, look.note]
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(cells)
    return line.getvalue()


LINES: Final[Mapping[str | None, Callable[[Shown, int], str]]] = {None: for_people, "json": as_json, "csv": as_csv}
