"""Whether every event that an exchange made is in the files of a recording, or in their gaps; and each book right."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from depthactors import BookState, recording
from depthactors.errors import RecordingError
from depthactors.recording import notes

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from depthactors.exchange import LocalExchange

LEVELS = 20
COMPARED = 5
"""One view in so many is compared with the exchange's book, and the last one of each file."""


@dataclass
class Account:
    """What became of one symbol's events, between the first snapshot and the last event that were recorded.

    Attributes:
        files: number of files.
        made: number of events that the exchange made.
        recorded: number of these that are in a file, as they were made.
        in_gaps: number of those others that are in a gap of the notes.
        missing: last ids of those that are in neither.
        invented: last ids of events in files that the exchange never made.
        rows: number of gaps.
        compared: number of views that equal the exchange's book.
        different: views that do not, with their files.
        complaints: what is wrong with files and notes.
    """

    files: int = 0
    made: int = 0
    recorded: int = 0
    in_gaps: int = 0
    rows: int = 0
    compared: int = 0
    missing: list[int] = field(default_factory=list)
    invented: list[int] = field(default_factory=list)
    different: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    @property
    def is_right(self) -> bool:
        """Whether everything is accounted for, and nothing is wrong."""
        return bool(self.files and self.recorded) and not any(
            (self.missing, self.invented, self.different, self.complaints)
        )


def account(events: Iterable[dict[str, Any]], paths: list[Path], exchange: LocalExchange | None) -> Account:
    """Account for the events of one symbol.

    Args:
        events: all events that the exchange made, decoded, in their order.
        paths: the symbol's files, in their order.
        exchange: knows the book at each id; `None` to compare no book.
    """
    result = Account(files=len(paths))
    recorded: dict[tuple[int, int], set[str]] = {}
    gaps: list[tuple[int, float]] = []
    begin = end = 0
    for path in paths:
        begin, end = _read(path, recorded, result, begin, end)
        gaps += _gaps_of(path, result)
        if exchange is not None:
            _compare(path, exchange, result)
    result.rows = len(gaps)
    made = set()
    for event in events:
        key = event["U"], event["u"]
        made.add(key)
        if not begin < event["u"] <= end:
            continue
        result.made += 1
        if _levels(event) in recorded.get(key, ()):
            result.recorded += 1
        elif any(first < event["u"] <= last for first, last in gaps):
            result.in_gaps += 1
        else:
            result.missing.append(event["u"])
    result.invented = sorted(last for first, last in recorded if (first, last) not in made)
    return result


def _read(path, recorded, result, begin, end):
    """Note the events of a file; return the ids between which events are to be accounted for."""
    for number, line in enumerate(recording.read(path)):
        if number == 0:
            if not line.is_snapshot:
                result.complaints.append(f"{path.name} does not begin with a snapshot")
            elif not begin:
                begin = line.message["lastUpdateId"]
        if line.is_diff:
            event = line.event
            recorded.setdefault((event["U"], event["u"]), set()).add(_levels(event))
            end = max(end, event["u"])
    return begin, end


def _gaps_of(path, result):
    try:
        recording.verify(path)
        rows = notes.read_notes(notes.notes_of(path))
    except RecordingError as error:
        result.complaints.append(str(error))
        return []
    ends = (float("inf") if row["to_id"] is None else row["to_id"] for row in rows if row["row"] == "gap")
    return list(zip((row["from_id"] for row in rows if row["row"] == "gap"), ends, strict=True))


def _compare(path, exchange, result):
    """Compare the book of one file, replayed alone, with the exchange's."""
    view = None
    for number, view in enumerate(recording.views(path, depth=LEVELS, number=Decimal)):
        if number % COMPARED == 0:
            _compare_view(view, path, exchange, result)
    if view is not None:
        _compare_view(view, path, exchange, result)


def _compare_view(view, path, exchange, result):
    if view.state is not BookState.LIVE:
        return
    truth = exchange.book_at(view.symbol, view.last_update_id, levels=LEVELS)
    if (view.bids, view.asks) == (truth.bids, truth.asks):
        result.compared += 1
    else:
        sides = zip((view.bids, view.asks), (truth.bids, truth.asks), strict=True)
        levels = [sum(a != b for a, b in zip(ours, theirs, strict=False)) for ours, theirs in sides]
        has = len(view.bids), len(view.asks)
        result.different.append(f"{path.name} at {view.last_update_id}: {levels} of {has} bids and asks differ")


def _levels(event):
    return str((event["b"], event["a"]))
