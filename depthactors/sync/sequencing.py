"""How a diff stands to a book: is it old, the next one, or is something missing between them? A gap is decided here.

The exchange's rules are one function a step; a `Follower` chooses the function and applies the diff.

Spot, Binance.US: "How to manage a local order book correctly", web-socket-streams.md, as corrected
on 2025-11-12. USD-M, COIN-M, options: the page of the same name in each market's documentation.

| step                        | contiguous ids (spot, us)    | chained ids (usdm, coinm, options) |
|-----------------------------|------------------------------|------------------------------------|
| drop, first (spot 5, fut 3) | `u <= id`                    | `u < id`                           |
| first   (spot 5, futures 4) | `U <= id + 1 <= u`           | `pu <= id <= u`                    |
| next    (spot 7, futures 5) | `U <= id + 1`                | `pu == id`                         |
| gap     (spot 7, futures 5) | `U > id + 1`                 | anything else                      |

Different from the text, on purpose. Spot 5 says that the first event contains the snapshot's id;
one that begins right behind it is as good. Futures 4 wants `U <= id`, but ids have holes and a
snapshot's id may lie in one, between `pu` and `U`; an event covers all from `pu` on. An event that
was already applied (`u <= id`) is dropped in both columns once a book is joined, so a duplicate is
no gap. `previous_id` of a `Diff` is `pu`, or `U - 1` where ids are contiguous.
"""

from __future__ import annotations

from enum import Enum
from math import inf
from typing import TYPE_CHECKING

from depthactors.markets import Sequencing

if TYPE_CHECKING:
    from depthactors.binance import Diff
    from depthactors.book import OrderBook


class Verdict(Enum):
    """How a diff stands to the book it is offered to."""

    STALE = "stale"
    """The book has it already."""
    BRIDGE = "bridge"
    """It joins a snapshot to the stream: the first to be applied."""
    NEXT = "next"
    """It follows the last one applied."""
    GAP = "gap"
    """Between the book and it something is missing."""


def classify_first(diff: Diff, last_id: int, sequencing: Sequencing) -> Verdict:
    """Judge a diff against a snapshot that no diff has joined yet."""
    if diff.last_id < last_id or (diff.last_id == last_id and sequencing is Sequencing.CONTIGUOUS):
        return Verdict.STALE
    return Verdict.BRIDGE if diff.previous_id <= last_id else Verdict.GAP


def classify_next(diff: Diff, last_id: int, sequencing: Sequencing) -> Verdict:
    """Judge a diff against a book, or a buffer, whose last diff ended at `last_id`."""
    if diff.previous_id == last_id:
        return Verdict.NEXT
    if diff.last_id <= last_id:
        return Verdict.STALE
    if diff.previous_id < last_id and sequencing is Sequencing.CONTIGUOUS:
        # An overlap is harmless: quantities are absolute.
        return Verdict.NEXT
    return Verdict.GAP


class Follower:
    """A book, and how it stands with the stream that it follows.

    Attributes:
        joined: a diff of the present connection has been applied; until then the rule for the first one holds.
        confirmed: the stream has been seen at the book's id: it is this book's, and not another one's.
        refill_below: spare levels below which a new base is wanted, see `OrderBook.spare`.
    """

    __slots__ = ("book", "confirmed", "joined", "refill_below")

    def __init__(self, book: OrderBook) -> None:
        self.book = book
        self.joined = False
        self.confirmed = False
        self.refill_below = 0.0

    def watch_depth(self) -> None:
        """Choose when to want a new base: after the loss of half of the levels that there are to spare now.

        With nothing to spare, or a side that is to be looked at again, it is wanted at once.
        """
        spare = self.book.spare
        self.refill_below = spare / 2 if 0 < spare < inf else 0.5

    def judge(self, diff: Diff, sequencing: Sequencing) -> Verdict:
        """Return how `diff` stands to the book as it is now."""
        last_id = self.book.last_update_id
        if self.joined:
            return classify_next(diff, last_id, sequencing)
        if self.confirmed and diff.last_id <= last_id:
            # After a handover: what ends at the book's id is in it. To a snapshot it might add something.
            return Verdict.STALE
        return classify_first(diff, last_id, sequencing)

    def take(self, diff: Diff, recv_time: float) -> None:
        """Apply a diff that was judged to follow."""
        self.book.apply(diff, recv_time)
        self.joined = self.confirmed = True
