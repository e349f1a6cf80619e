"""A short text that tells whether two books agree at the top."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

from depthactors.book.numerals import exact, plain

if TYPE_CHECKING:
    from depthactors.book.order_book import OrderBook


def top_digest(book: OrderBook, levels: int = 20) -> str:
    r"""Return the sha256, in hex, of the best `levels` of each side.

    Hashed are the lines `b PRICE QTY\n`, then `a PRICE QTY\n`, best first, as plain decimals
    without trailing zeros; so two spellings of one book have one digest.
    """
    lines = [
        f"{mark} {plain(exact(abs(key)))} {plain(exact(side.quantities[key]))}\n"
        for mark, side in (("b", book.bids), ("a", book.asks))
        for key in side.best_keys(levels)
    ]
    return sha256("".join(lines).encode()).hexdigest()
