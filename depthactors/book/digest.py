"""A short text by which the best levels of two books are compared."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

from depthactors.book.numerals import exact, plain

if TYPE_CHECKING:
    from depthactors.book.order_book import OrderBook


def top_digest(book: OrderBook, levels: int = 20) -> str:
    r"""Return the sha256, in hex, of the best `levels` of each side.

    The hashed text has a line `b PRICE QTY\n` for each bid, then a line `a PRICE QTY\n` for each ask, best first, as
    plain decimals without trailing zeros. So two spellings of one book have the same digest.
    """
    lines = [
        f"{mark} {plain(exact(abs(key)))} {plain(exact(side.quantities[key]))}\n"
        for mark, side in (("b", book.bids), ("a", book.asks))
        for key in side.best_keys(levels)
    ]
    return sha256("".join(lines).encode()).hexdigest()
