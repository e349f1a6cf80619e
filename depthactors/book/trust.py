"""What a snapshot vouches for: the levels that were granted, not the levels that were requested.

An exchange may grant fewer levels than were requested, always or sometimes, on one or both sides, and does not say so.
So a side vouches for the prices down to its last level, whatever was requested: a promise within these prices holds on
every exchange. One question remains: a side with fewer levels than were requested, a *short* side, may be complete.
Only then may a book of 7 levels be LIVE for a promise of 20; a book that was cut at 7 levels must not be.

The rules. A short side is believed to be *whole*

1. at the first look, if it has fewer than `LEAST_CAP` levels or none, the stream has brought nothing yet, and no good
   book before it had more levels; without a book before, former connections have brought nothing either;
2. at the first look, if it has the same levels as the last good book's side, which was whole;
3. after several replies in a row, each of which agrees with the reply before and the diffs since then, in all levels,
   also in those beyond the last one. If the replies have different numbers of levels, the side is *known* to be whole
   after `AGREEMENTS`: a cap would have cut both replies at the same number. Equal numbers prove little, since a cap
   gives equal numbers: they take `AGREEMENTS_IF_SAME` replies; `AGREEMENTS_IF_ROUND` if the number is usual for caps
   (`ROUND`); one if it is below `LEAST_CAP`, and no good book before it had more levels; and `AGREEMENTS_IF_CUT` if
   such a belief was wrong before. A side that is believed to be whole in this way, or by rule 1, is looked at again as
   soon as its number of levels changes.

If a side is known to be whole, a reply with fewer levels was cut. A refresh never reduces trust: of two sides at the
same update, of which the later is short, the one that vouches for more is used.

The remaining doubt. A cap below `LEAST_CAP`, on a new book whose stream is quiet at the first look, as long as it is
quiet; a constant cap below the promise, on a side whose number of levels does not change during the replies of rule 3,
until it changes; a cap that changes with each reply and happens to be the known number of levels three times in a row.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from depthactors.book.side import BookSide

LEAST_CAP: Final = 5
"""The smallest cap of any exchange: the smallest size of a snapshot and of a partial stream."""
AGREEMENTS: Final = 2
"""The number of replies that agree with the one before, until a short side is taken for whole, where their numbers of
levels differ; see rule 3 for this one and the others."""
AGREEMENTS_IF_SAME: Final = 3
"""The same, where all replies have the same number of levels, as under a constant cap."""
AGREEMENTS_IF_ROUND: Final = 5
"""The same, where that number is one of `ROUND`."""
AGREEMENTS_IF_CUT: Final = 10
"""The same, where such a belief was wrong before."""
AGREEMENTS_IF_FEW: Final = 1
"""The same, with fewer levels than `LEAST_CAP`, or none at all, where no good book before had more."""
ROUND: Final = frozenset({5, 10, 20, 25, 50, 100, 200, 250, 400, 500, 1000, 2000, 2500, 5000})
"""Usual caps: the sizes of snapshots that the exchange offers, and round numbers between them."""


def look(new: BookSide, last_good: BookSide | None, *, quiet: bool, was_cut: bool) -> None:
    """Look at a reply's side for the first time, with no book in sequence to compare it with; O(levels).

    Args:
        new: the side of the reply.
        last_good: the side of the book before, if any.
        quiet: whether the stream has brought nothing yet.
        was_cut: whether a side that was believed to be whole was found to be cut.
    """
    if not new.short:
        return
    if last_good is not None and last_good.whole and last_good.quantities == new.quantities:
        new.take_for_whole(last_good.believed)
        return
    few = new.granted < LEAST_CAP
    new.shrunk = few and last_good is not None and (last_good.known >= LEAST_CAP or last_good.shrunk)
    if few and quiet and not was_cut and not new.shrunk:
        new.take_for_whole(new.granted)


def settle(old: BookSide, new: BookSide, *, was_cut: bool) -> tuple[BookSide, bool]:
    """Choose between two sides at one update, `new` of a later reply, that agree in what both vouch for; O(levels).

    Returns the side to use, and whether `old` was believed to be whole and was found to be cut. If it is `old`, it is a
    copy, since readers may still read the other one. For `was_cut` see `look`.
    """
    if not new.short:
        return new, False
    agrees = old.levels() == new.levels()
    if old.whole:
        if agrees:
            new.take_for_whole(None if old.believed is None or _differ(old, new) else new.granted)
        elif old.believed is None:
            return old.copy(), False
        return new, not agrees
    new.shrunk = new.granted < LEAST_CAP and old.shrunk
    if old.short and agrees:
        new.agreements = old.agreements + 1
        new.varied = old.varied or _differ(old, new)
        if new.agreements >= _needed(new, was_cut=was_cut):
            new.take_for_whole(None if new.varied else new.granted)
        return new, False
    return (new if new.edge >= old.edge else old.copy()), False


def _differ(old: BookSide, new: BookSide) -> bool:
    """Return whether two replies cannot have been cut by the same cap."""
    return old.asked == new.asked and old.granted != new.granted


def _needed(side: BookSide, *, was_cut: bool) -> int:
    if not side.shrunk and (not side.granted or (side.granted < LEAST_CAP and not was_cut)):
        return AGREEMENTS_IF_FEW
    if side.varied:
        return AGREEMENTS
    if was_cut:
        return AGREEMENTS_IF_CUT
    return AGREEMENTS_IF_ROUND if side.granted in ROUND else AGREEMENTS_IF_SAME
