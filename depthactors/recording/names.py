"""The names of recording files: the symbol in small letters, and the time at which the file begins."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

_MS: Final = 1_000_000
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_NAME: Final = re.compile(r"(.+)-\d{8}T\d{6}\.\d{3}Z\.gz")


def name_of(symbol: str, recv_ns: int) -> str:
    """Return the name of the file of a symbol that begins at this time: `btcusdt-20261129T154700.123Z.gz`."""
    begin = _EPOCH + timedelta(milliseconds=recv_ns // _MS)
    return f"{symbol.lower()}-{begin:%Y%m%dT%H%M%S}.{begin.microsecond // 1_000:03d}Z.gz"


def is_of(name: str, symbol: str) -> bool | None:
    """Return whether a file has the name of a symbol's recording, `None` if it is not named by a recorder of ours."""
    match = _NAME.fullmatch(name)
    return None if match is None else match[1] == symbol.lower()


def names_of(symbol: str, names: Iterable[str]) -> list[str]:
    """Return those of some names that are of a symbol's recordings, in their order; O(names)."""
    # A folder may have a year of a hundred symbols.
    begin = symbol.lower()
    return sorted(name for name in names if name.startswith(begin) and is_of(name, symbol))
