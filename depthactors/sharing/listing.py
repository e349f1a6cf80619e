"""The list of books of a shared engine, which is its file `books.json`: written by the engine, read by its readers."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import orjson

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, slots=True)
class SharedBook:
    """A book that an engine shares.

    Attributes:
        symbol: upper case.
        market: name of the market.
        speed_ms: update interval of its stream.
        depth: levels a side that are promised and shown.
    """

    symbol: str
    market: str
    speed_ms: int
    depth: int


def write_list(books: Iterable[tuple[SharedBook, str]]) -> bytes:
    """Return the bytes of the file: each book, and the place of its slot."""
    return orjson.dumps([{**asdict(book), "place": place} for book, place in books])


def read_list(data: bytes) -> dict[SharedBook, str]:
    """Return the place of each book's slot, in the order of the list."""
    rows = orjson.loads(data)
    return {SharedBook(row["symbol"], row["market"], row["speed_ms"], row["depth"]): row["place"] for row in rows}
