"""A book on its way along a stream."""

from __future__ import annotations

from typing import TYPE_CHECKING

from depthactors.sync.rules import Verdict, classify_first, classify_next

if TYPE_CHECKING:
    from depthactors.binance import Diff
    from depthactors.book import OrderBook
    from depthactors.markets import Sequencing


class Follower:
    """A book, and how it stands with the stream that it follows.

    Attributes:
        joined: a diff of the present connection has been applied; until then the rule for the first one holds.
        confirmed: the stream has been seen at the book's id: it is this book's, and not another one's.
    """

    __slots__ = ("book", "confirmed", "joined")

    def __init__(self, book: OrderBook) -> None:
        self.book = book
        self.joined = False
        self.confirmed = False

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
