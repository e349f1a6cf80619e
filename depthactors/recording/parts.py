"""The files of one recording, in the order of their events, without what two of them have both.

A file that a recorder writes begins with a snapshot, and the recorder's file before it goes on until the snapshot is
continued: both have the events in between, which are read once. Where the next file does not continue the one before,
the recording is interrupted. The order is that of the exchange's clock: the recorder's can be set back, and the
exchange's ids can begin anew.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from depthactors import markets
from depthactors.errors import RecordingCutError, RecordingError, UnknownMarketError, UsageError
from depthactors.recording import notes
from depthactors.recording.lines import ids_of, read_file
from depthactors.recording.names import is_of
from depthactors.recording.restart import Restart

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from depthactors.markets import Market
    from depthactors.recording.lines import Ids, Line

INTERRUPTED: Final = "the next file of the recording begins later"
Source: TypeAlias = "str | Path | Iterable[str | Path]"
"""Path of a recording, of a folder with the files of one, or the paths of several files of one."""


class Part(NamedTuple):
    """One file of a recording.

    Attributes:
        path: the file.
        symbol: the symbol of its first depth event.
        market: the market that its notes name, or else the one that its first depth event is recognised by.
        first: the ids of its first depth event.
        first_ms: its time on the exchange's clock.
    """

    path: Path
    symbol: str
    market: Market
    first: Ids
    first_ms: int


class Parts:
    """The files of one recording.

    Attributes:
        symbol: the symbol.
        market: the market.
        files: the files with a depth event, in the order of their events.
        empty: the files without a depth event, which are left out.
        cuts: the files so far that end within a line.
    """

    def __init__(self, source: Source, market: str | Market | None = None, symbol: str | None = None) -> None:
        """Read each file up to its first depth event.

        Args:
            source: path of a file or of a folder, or paths of several files.
            market: market of the recording; by default as for `Part`.
            symbol: symbol of the recording, whose files are read alone; by default all files are of one.

        Raises:
            UsageError: no file, or an unknown market.
            RecordingError: a file cannot be read, none has a depth event (of the symbol), or they are of several
                symbols or markets.
        """
        row = None if market is None else markets.lookup(market)
        paths = files_of(source)
        if symbol is not None:
            symbol = markets.normalize_symbol(symbol)
            paths = [path for path in paths if is_of(path.name, symbol) is not False] or paths
        found = [part for part in map(part_of, paths) if part is not None]
        parts = [part for part in found if symbol in {None, part.symbol}]
        if not parts:
            place = paths[0] if len(paths) == 1 else paths[0].parent
            what = "expected a depth event in the file" if symbol is None else f"expected a depth event of {symbol}"
            why = ": a file is cut short" if any(map(_is_cut, paths)) else ""
            raise RecordingError(str(place), 0, f"{what}, was none{why}")
        first = parts[0]
        self.symbol, self.market = first.symbol, row or first.market
        for part in parts:
            if part.symbol != first.symbol:
                cause = f"expected a recording of {first.symbol}, as in {first.path}, was one of {part.symbol}"
                raise RecordingError(str(part.path), 0, f"{cause}: choose one by its symbol")
            if row is None and part.market.name != first.market.name:
                cause = f"expected the market {first.market.name}, as in {first.path}, was {part.market.name}"
                raise RecordingError(str(part.path), 0, cause)
        self.files = [
            part.path for part in sorted(parts, key=lambda part: (part.first_ms, part.first.first_id, part.path))
        ]
        with_events = {part.path for part in found}
        self.empty = [path for path in paths if path not in with_events]
        self.cuts: list[RecordingCutError] = []
        self._firsts = {part.path: part.first for part in parts}

    def __iter__(self) -> Iterator[Line | None]:
        """Iterate over the lines, as `lines`."""
        return self.lines()

    def lines(self, read: Callable[[Path], Iterator[Line]] = read_file) -> Iterator[Line | None]:
        """Yield the lines of all files, one at a time; `None` where the recording is interrupted.

        Args:
            read: yields the lines of a file; each file is read to its end before the next one.

        Raises:
            RecordingError: a file cannot be read. Files that are cut are read as far as they go, see `cuts`.
        """
        if len(self.files) == 1:
            yield from self._whole_lines(read(self.files[0]))
            return
        last_id = begin_id = count = 0
        restart = Restart()
        for number, path in enumerate(self.files):
            first = self._firsts[path]
            if first.last_id < begin_id:
                # The ids have begun anew since then.
                last_id = 0
            begin_id = first.first_id
            if number and first.previous_id > last_id:
                yield None
            known = last_id
            for line in self._whole_lines(read(path)):
                if line.is_diff:
                    ids = ids_of(line, self.market.sequencing)
                    if ids.last_id <= known:
                        continue
                    known, count = 0, count + 1
                    if ids.last_id > last_id:
                        last_id = ids.last_id
                    elif restart.is_shown_by(ids, count):
                        last_id, begin_id = ids.last_id, ids.first_id
                yield line

    def _whole_lines(self, lines: Iterator[Line]) -> Iterator[Line]:
        try:
            yield from lines
        except RecordingCutError as error:
            self.cuts.append(error)


def read(source: Source, *, symbol: str | None = None) -> Iterator[Line]:
    """Yield the lines of a recording, one at a time: of one file, or of several files of one symbol.

    Of several files, in whatever order they are given, the lines come in the order of the events, and events that two
    files have both come once. A line knows its file.

    Args:
        source: path of a file or of a folder, or paths of several files.
        symbol: the symbol whose files are read, where there are others.

    Raises:
        UsageError: no file.
        RecordingError: a file cannot be read, has a line that is not `<ns> <json>`, or has a version of the format that
            this package does not know; of several files, as for `Parts`.
        RecordingCutError: a file ends within a line; raised after the last whole line of all files.
    """
    paths = files_of(source)
    if len(paths) == 1 and symbol is None:
        yield from read_file(paths[0])
        return
    parts = Parts(paths, symbol=symbol)
    yield from (line for line in parts if line is not None)
    if parts.cuts:
        raise parts.cuts[0]


def files_of(source: Source) -> list[Path]:
    """Return the paths of a source, those in a folder for the folder.

    Raises:
        UsageError: no path, or an empty one.
        RecordingError: a folder without a recording, or one that cannot be read.
    """
    named = [source] if isinstance(source, str | os.PathLike) else list(source)
    if "" in named:
        # For `Path` it is the working directory, and in a script a variable that is not set.
        msg = "expected the path of a recording, was ''"
        raise UsageError(msg)
    paths: list[Path] = []
    for path in map(Path, named):
        paths += _files_in(path) if os.path.isdir(path) else [path]  # noqa: PTH112 - see `notes.exists`
    if not paths:
        msg = "expected the path of a recording, was none"
        raise UsageError(msg)
    return list(dict.fromkeys(paths))


def recordings_of(files: Iterable[Path]) -> list[list[Path]]:
    """Return the files of each recording among others: those of one symbol and market are one.

    A file that cannot be read is a recording of its own.
    """
    found: dict[object, list[Path]] = {}
    for path in dict.fromkeys(files):
        try:
            part = part_of(path)
        except RecordingError:
            part = None
        found.setdefault(path if part is None else (part.symbol, part.market.name), []).append(path)
    return list(found.values())


def part_of(path: Path) -> Part | None:
    """Return what a file is by its first depth event, `None` if it has none; O(lines before).

    Raises:
        RecordingError: it cannot be read up to there.
    """
    try:
        line = next((line for line in read_file(path) if line.is_diff), None)
    except RecordingCutError:
        return None
    if line is None:
        return None
    market = _market_of(path, line)
    return Part(path, str(line.event.get("s")), market, ids_of(line, market.sequencing), line.event["E"])


def _is_cut(path: Path) -> bool:
    try:
        for _ in read_file(path):
            pass
    except RecordingCutError:
        return True
    return False


def _files_in(folder: Path) -> list[Path]:
    try:
        files = sorted(path for path in folder.iterdir() if path.suffix == ".gz")
    except OSError as error:
        raise RecordingError(str(folder), 0, error.strerror or str(error)) from None
    if not files:
        raise RecordingError(str(folder), 0, "expected recordings (*.gz) in the folder, was none")
    return files


def _market_of(path: Path, line: Line) -> Market:
    beside = notes.notes_of(path)
    row = notes.first_row(beside) if notes.exists(beside) else None
    if row is not None:
        try:
            return markets.lookup(str(row.get("market")))
        except UnknownMarketError:
            # A row that a program made itself.
            pass
    return markets.guess(line.event)
