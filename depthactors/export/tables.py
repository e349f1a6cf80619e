"""The tables of a recording in Arrow: schemas, and rows that become row groups.

A price and a quantity are exact: decimals with the digits of the exchange's spelling. Times are UTC, in nanoseconds.
"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import pyarrow as pa

from depthactors.errors import MalformedFrameError

if TYPE_CHECKING:
    from collections.abc import Sequence

TIME: Final = pa.timestamp("ns", tz="UTC")
_SIDE: Final = pa.dictionary(pa.int32(), pa.string())
_SIDES: Final = pa.array(["bid", "ask"])
_SMALL, _LARGE = 18, 38
"""Digits of a decimal of 8 and of 16 bytes in a file."""


class Digits(NamedTuple):
    """How many digits the numbers of a column have.

    Attributes:
        before: digits before the point.
        behind: digits behind it.
    """

    before: int = 1
    behind: int = 0

    def with_texts(self, texts: Sequence[str]) -> Digits:
        """Return what has room for these numbers, too; O(texts)."""
        parts = [text.partition(".") for text in texts]
        before, behind = (max((len(part[at]) for part in parts), default=0) for at in (0, 2))
        return Digits(max(self.before, before), max(self.behind, behind))

    @property
    def type(self) -> Any:
        """The Arrow type."""
        return pa.decimal128(_SMALL if self.before + self.behind <= _SMALL else _LARGE, self.behind)


class Spelling(NamedTuple):
    """The digits of the levels of a recording.

    Attributes:
        prices: those of the prices.
        quantities: those of the quantities.
    """

    prices: Digits = Digits()
    quantities: Digits = Digits()


class Misfit(Exception):  # noqa: N818 - no error: the tables are written anew
    """A number has more digits than its column.

    Attributes:
        spelling: digits that have room for it.
    """

    def __init__(self, spelling: Spelling) -> None:
        """Keep the digits."""
        super().__init__(spelling)
        self.spelling = spelling


GAPS: Final = pa.schema(
    [
        ("from_id", pa.int64()),
        ("to_id", pa.int64()),
        ("from_time", TIME),
        ("to_time", TIME),
        ("why", pa.string()),
        ("repaired", pa.string()),
        ("lost", pa.int64()),
    ]
)


class LevelRows:
    """Rows with a price level each, of a table with further columns by message.

    Attributes:
        rows: number of rows that were not taken yet.
    """

    def __init__(self, columns: Sequence[tuple[str, Any]]) -> None:
        """Begin without rows.

        Args:
            columns: names and types of the columns by message; a number below zero is none.
        """
        self.rows = 0
        self._columns = columns
        self._clear()

    def _clear(self) -> None:
        self.rows = 0
        self._values: list[int] = []
        self._counts: list[int] = []
        self._texts: list[str] = []

    def add(self, values: Sequence[int], bids: list[list[str]], asks: list[list[str]]) -> None:
        """Add the levels of a message."""
        self._values += values
        self._counts += len(bids), len(asks)
        self._texts += chain.from_iterable(bids)
        self._texts += chain.from_iterable(asks)
        self.rows += len(bids) + len(asks)

    def schema(self, spelling: Spelling) -> Any:
        """Return the schema of the table."""
        levels = ("side", _SIDE), ("price", spelling.prices.type), ("quantity", spelling.quantities.type)
        return pa.schema([*self._columns, *levels])

    def spelling(self, least: Spelling) -> Spelling:
        """Return the digits that have room for all numbers of these rows, and `least`; O(rows).

        Raises:
            MalformedFrameError: no decimal has so many digits.
        """
        found = Spelling(least.prices.with_texts(self._texts[::2]), least.quantities.with_texts(self._texts[1::2]))
        if max(map(sum, found)) > _LARGE:
            msg = f"expected at most {_LARGE} digits in prices and in quantities, was {found}"
            raise MalformedFrameError(msg)
        return found

    def take(self, spelling: Spelling) -> Any:
        """Return all rows as a table, and begin anew.

        Raises:
            Misfit: a number has more digits than its column; the rows are kept.
        """
        counts = np.array(self._counts, np.int64).reshape(-1, 2)
        values = np.array(self._values, np.int64).reshape(-1, len(self._columns)).repeat(counts.sum(axis=1), axis=0)
        arrays = [
            pa.array(values[:, at], mask=values[:, at] < 0).cast(kind) for at, (_, kind) in enumerate(self._columns)
        ]
        sides = np.tile(np.array([0, 1], np.int32), len(counts)).repeat(counts.ravel())
        arrays.append(pa.DictionaryArray.from_arrays(pa.array(sides), _SIDES))
        try:
            arrays += [
                pa.array(texts, pa.string()).cast(digits.type)
                for texts, digits in zip((self._texts[::2], self._texts[1::2]), spelling, strict=True)
            ]
        except pa.ArrowInvalid:
            raise Misfit(self.spelling(spelling)) from None
        self._clear()
        return pa.Table.from_arrays(arrays, schema=self.schema(spelling))
