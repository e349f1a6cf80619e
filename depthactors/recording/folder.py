"""The folder of recordings: whether it can be used, and the files that a killed recorder left behind."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from depthactors.errors import RecordingError, UsageError
from depthactors.recording import notes
from depthactors.recording.names import names_of
from depthactors.recording.notes_end import failed, mend
from depthactors.recording.parts import part_of

if TYPE_CHECKING:
    from pathlib import Path

    from depthactors.markets import Market
    from depthactors.recording.notes_end import Unended


def prepare(folder: Path, market: Market, symbol: str) -> list[Unended]:
    """Make the folder, check that it can be used, and repair the files that a killed recorder of the symbol left.

    The whole lines of such a file are kept. O(files in the folder).

    Raises:
        UsageError: a symbol that no file can be named after.
        RecordingError: no folder, none that can be written to, one with recordings of another market or with a file of
            another symbol under this symbol's name, or a file that another recorder has open.
    """
    if not symbol or not symbol.isprintable() or any(each in symbol for each in "/\\") or symbol.startswith("."):
        msg = f"expected a symbol that a file can be named after, was {symbol!r}"
        raise UsageError(msg)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        is_writable = os.access(folder, os.W_OK | os.X_OK)
        names = os.listdir(folder)  # noqa: PTH208 - a path for each of many names takes ten times the time
    except OSError as error:
        cause = "was a file" if isinstance(error, FileExistsError) else f"was none: {error.strerror or error}"
        raise RecordingError(str(folder), 0, f"expected a folder that can be written to, {cause}") from None
    if not is_writable:
        raise RecordingError(str(folder), 0, "expected a folder that can be written to, was one without permission")
    other = next((name for name in names if name.endswith(notes.SUFFIX)), None)
    if other is not None:
        _check(folder / other, market, None)
    files = [folder / name for name in names_of(symbol, names)]
    return [unended for path in files if (unended := _prepare_file(path, market, symbol)) is not None]


def _prepare_file(path: Path, market: Market, symbol: str) -> Unended | None:
    beside = notes.notes_of(path)
    if not notes.exists(beside):
        # Somebody took them away, since they are written before the file is: nothing is to be ended.
        part = part_of(path)
        if part is not None and part.symbol != symbol:
            raise RecordingError(str(path), 0, f"expected a recording of {symbol}, was one of {part.symbol!r}")
        return None
    _check(beside, market, symbol)
    try:
        return None if notes.has_end(beside) else mend(path, market.sequencing)
    except OSError as error:
        raise failed(path, error) from None


def _check(beside: Path, market: Market, symbol: str | None) -> None:
    row = notes.first_row(beside)
    if row is None:
        return
    if row.get("market") != market.name:
        was = f"was one of {row.get('market')!r}: a folder has one market"
        raise RecordingError(str(beside), 1, f"expected recordings of the market {market.name} in this folder, {was}")
    if symbol is not None and row.get("symbol") != symbol:
        raise RecordingError(str(beside), 1, f"expected a recording of {symbol}, was one of {row.get('symbol')!r}")
