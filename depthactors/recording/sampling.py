"""The book of a recording as it was: at each update, at regular times, or at one time."""

from __future__ import annotations

import re
from math import isfinite
from typing import TYPE_CHECKING, Any, Final

from depthactors.book import BookView, OrderBook
from depthactors.book.numerals import check_number_type
from depthactors.book.view import capture
from depthactors.errors import UsageError
from depthactors.recording.parts import Parts
from depthactors.recording.step import Stepper

if TYPE_CHECKING:
    from collections.abc import Iterator

    from depthactors.binance import Snapshot
    from depthactors.book.numerals import NumberT
    from depthactors.markets import Market
    from depthactors.recording.parts import Source

_SECOND: Final = 1_000_000_000
_UNITS: Final = {"ms": _SECOND // 1_000, "s": _SECOND, "m": 60 * _SECOND, "h": 3_600 * _SECOND}
_PERIOD: Final = re.compile(r"([1-9][0-9]*)(ms|s|m|h)")
_LATEST: Final = 1e11
"""Seconds since the epoch, in the year 5138: a greater number is a time in milliseconds or nanoseconds."""


def views(
    path: Source,
    depth: int = 20,
    every: str | None = None,
    *,
    symbol: str | None = None,
    market: str | Market | None = None,
    number: type[NumberT] = float,  # type: ignore[assignment]
) -> Iterator[BookView[NumberT]]:
    """Iterate over views of a recording's book, in the order of the file; memory does not grow with the file.

    A view is `LIVE` if the recording vouches for its best `depth` levels, else `STALE`: after a gap, within a file or
    between two, until a snapshot repairs it, and when prices have left the range of the latest snapshot. Times are
    those of receipt, and the age of a view is what it was then.

    Args:
        path: path of a recording of one symbol: a file, a folder, or several files.
        depth: number of the best levels a side.
        every: `100ms`, `1s`, `5m`, `1h`: a view of the book as it was at each multiple of this time, from the first
            book on. `None` for a view after each change of the update id or of the state.
        symbol: symbol whose files are read, in a folder with others.
        market: market of the recording; by default the one in its notes, or else recognised from the depth events.
        number: type of prices and quantities, `float` or `Decimal`.

    Raises:
        UsageError: an argument that is not allowed.
        RecordingError: unreadable, without a depth event, of several symbols or markets, or malformed; the message
            names the file and the line.
        RecordingCutError: a file ends within a line; raised after the views of all whole lines.
    """
    if type(depth) is not int or depth < 1:
        msg = f"expected a depth of at least 1, was {depth!r}"
        raise UsageError(msg)
    check_number_type(number)
    period = None if every is None else _nanoseconds(every)
    recorded = _Recorded(Parts(path, market, symbol), depth, number)
    return recorded.at_updates() if period is None else recorded.at_times(period)


def book_at(
    path: Source,
    time: float,
    depth: int | None = None,
    *,
    symbol: str | None = None,
    market: str | Market | None = None,
    number: type[NumberT] = float,  # type: ignore[assignment]
) -> BookView[NumberT]:
    """Return a recording's book as it was at a time of receipt, all its levels or the best `depth` a side; O(file).

    Before the first book it is a view without levels, `SYNCING`; after the end of the file it is the last book, and its
    `age` is the time since its last change. Other arguments and errors as for `views`.

    Args:
        path: path of a recording of one symbol: a file, a folder, or several files.
        time: seconds since the epoch; what was received at that time is included.
        depth: number of the best levels a side, `None` for all.
        symbol: symbol whose files are read, in a folder with others.
        market: market of the recording.
        number: type of prices and quantities.
    """
    if depth is not None and (type(depth) is not int or depth < 1):
        msg = f"expected a depth of at least 1 or None, was {depth!r}"
        raise UsageError(msg)
    check_number_type(number)
    moment = _moment(time)
    return _Recorded(Parts(path, market, symbol), depth, number).at(moment)


class _Recorded:
    """A recording's book, from line to line."""

    def __init__(self, parts: Parts, depth: int | None, number: type[Any]) -> None:
        self._parts, self._depth, self._number = parts, depth, number
        self._symbol = parts.symbol
        self._stepper = Stepper(parts.market, parts.symbol, self._new_book)
        self._machine = self._stepper.machine

    def _new_book(self, snapshot: Snapshot, recv_time: float) -> OrderBook:
        return OrderBook(self._symbol, snapshot, depth=self._depth or 0, recv_time=recv_time)

    def at_updates(self) -> Iterator[BookView[Any]]:
        seen, now = None, 0
        for line in self._parts:
            self._stepper.step(line)
            now = now if line is None else line.recv_ns
            if self._machine.book is not None and (line is None or line.is_diff or line.is_snapshot):
                view = self._view(now)
                if (view.last_update_id, view.state) != seen:
                    seen = (view.last_update_id, view.state)
                    yield view
        self._report_cut()

    def at_times(self, period: int) -> Iterator[BookView[Any]]:
        due = None
        for line in self._parts:
            while line is not None and due is not None and due < line.recv_ns:
                yield self._view(due)
                due += period
            self._stepper.step(line)
            if line is not None and due is None and self._machine.book is not None:
                due = -(-line.recv_ns // period) * period
        self._report_cut()

    def at(self, time: int) -> BookView[Any]:
        for line in self._parts:
            if line is not None and line.recv_ns > time:
                break
            self._stepper.step(line)
        else:
            self._report_cut()
        return self._view(time)

    def _report_cut(self) -> None:
        if self._parts.cuts:
            raise self._parts.cuts[0]

    def _view(self, time: int) -> BookView[Any]:
        book, state = self._machine.book, self._machine.state
        if book is None:
            return BookView(self._symbol, state, number=self._number)
        view = capture(book, self._depth, state, self._number, time / _SECOND, self._depth or 0)
        assert view is not None, "no other thread changes the book"
        return view


def _moment(time: Any) -> int:
    if not isinstance(time, int | float) or not isfinite(time) or time > _LATEST:
        msg = f"expected a time in seconds since the epoch, was {time!r}"
        raise UsageError(msg)
    return round(time * _SECOND)


def _nanoseconds(period: Any) -> int:
    match = _PERIOD.fullmatch(period) if isinstance(period, str) else None
    if match is None:
        msg = f"expected a time like 100ms, 1s, 5m or 1h, was {period!r}"
        raise UsageError(msg)
    return int(match[1]) * _UNITS[match[2]]
