"""Sequencing: is a diff old, is it the next one, or is one missing before it? A gap is decided here.

Each step of the exchange's rules is a function; a `Follower` chooses the function and applies the diff.

Spot, Binance.US: "How to manage a local order book correctly", web-socket-streams.md, as corrected
on 2025-11-12. USD-M, COIN-M, options: the page of the same name in each market's documentation.

| step                        | contiguous ids (spot, us)    | chained ids (usdm, coinm, options) |
|-----------------------------|------------------------------|------------------------------------|
| drop, first (spot 5, fut 3) | `u <= id`                    | `u < id`                           |
| first   (spot 5, futures 4) | `U <= id + 1 <= u`           | `pu <= id <= u`                    |
| next    (spot 7, futures 5) | `U <= id + 1`                | `pu == id`                         |
| gap     (spot 7, futures 5) | `U > id + 1`                 | anything else                      |

These rules differ from the exchange's text in three points. Spot 5 says that the first event contains the snapshot's
id; an event that begins right behind it is right, too. Futures 4 wants `U <= id`, but ids have holes, and a snapshot's
id may be in one, between `pu` and `U`; an event covers all ids from `pu` on. An event that was already applied
(`u <= id`) is dropped in both columns once a diff has joined the book, so a duplicate is no gap. `previous_id` of a
`Diff` is `pu`, or `U - 1` where ids are contiguous.
"""

from __future__ import annotations

from enum import Enum
from math import inf
from typing import TYPE_CHECKING, Protocol

from depthactors.markets import Sequencing

if TYPE_CHECKING:
    from depthactors.binance import Diff
    from depthactors.book import OrderBook


class Verdict(Enum):
    """How a diff relates to a book."""

    STALE = "stale"
    """The book has it already."""
    BRIDGE = "bridge"
    """It joins a snapshot to the stream: it is the first diff to be applied."""
    NEXT = "next"
    """It follows the last diff that was applied."""
    GAP = "gap"
    """A diff is missing between the book and this one."""


class DiffIds(Protocol):
    """What the rules look at: the ids of a `Diff`."""

    @property
    def last_id(self) -> int:
        """Return `u`."""

    @property
    def previous_id(self) -> int:
        """Return the id that it follows."""


def classify_first(diff: DiffIds, last_id: int, sequencing: Sequencing) -> Verdict:
    """Judge a diff against a snapshot that no diff has joined yet."""
    if diff.last_id < last_id or (diff.last_id == last_id and sequencing is Sequencing.CONTIGUOUS):
        return Verdict.STALE
    return Verdict.BRIDGE if diff.previous_id <= last_id else Verdict.GAP


def classify_next(diff: DiffIds, last_id: int, sequencing: Sequencing) -> Verdict:
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
    """A book, and what is known of its stream.

    Attributes:
        book: the book.
        joined: whether a diff of the present connection has been applied; until then the rule for the first diff holds.
        confirmed: whether the stream has been seen at the book's id, so that it is certainly this book's stream.
        refill_below: the number of spare levels below which the book needs a new base, see `OrderBook.spare`.
    """

    __slots__ = ("book", "confirmed", "joined", "refill_below")

    def __init__(self, book: OrderBook) -> None:
        self.book = book
        self.joined = False
        self.confirmed = False
        self.refill_below = 0.0

    def watch_depth(self) -> None:
        """Choose when the book needs a new base: after the loss of half of the present spare levels.

        Without spare levels, or with a side that has to be looked at again, it needs one at once.
        """
        spare = self.book.spare
        self.refill_below = spare / 2 if 0 < spare < inf else 0.5

    def judge(self, diff: Diff, sequencing: Sequencing) -> Verdict:
        """Return how `diff` relates to the book as it is now."""
        last_id = self.book.last_update_id
        if self.joined:
            return classify_next(diff, last_id, sequencing)
        if self.confirmed and diff.last_id <= last_id:
            # After a handover: the book has a diff that ends at its id. A snapshot might not have all of it.
            return Verdict.STALE
        return classify_first(diff, last_id, sequencing)

    def take(self, diff: Diff, recv_time: float) -> None:
        """Apply a diff that was judged to follow."""
        self.book.apply(diff, recv_time)
        self.joined = self.confirmed = True
