"""What a snapshot vouches for: what was granted, not what was asked.

A venue may grant fewer levels than it was asked for, always or at times, on one side or on both, and does not say so.
So a side vouches for the prices down to its last level, whatever was asked for; a promise that is kept within them
holds against every venue. One question is left: a side with fewer levels than were asked for, a *short* one, may be
all there is. Only then may a book of 7 levels be LIVE for a promise of 20, and one that was cut at 7 must not be.

The rules. A short side is believed to be *whole*

1. at the first look, if it has fewer than `LEAST_CAP` levels, none included, the stream has brought nothing yet that
   could tell, and no good book before it had more;
2. at the first look, if its levels are those of the last good book's side, which was whole;
3. after replies in a row that agree with what the stream made of the reply before: level by level, those beyond its
   last one included. If their numbers of levels differ, the side is *known* to be whole after `AGREEMENTS`: of two
   replies to the same request that a cap had cut, neither has fewer levels than the other. As many levels each time
   prove little, since a cap gives as many each time: that takes `AGREEMENTS_IF_SAME`, with a number that venues like
   (`ROUND`) `AGREEMENTS_IF_ROUND`, with fewer than `LEAST_CAP` one, and where such a belief proved wrong before
   `AGREEMENTS_IF_CUT`. A side that is believed so, or by rule 1, is looked at again as soon as its number of levels
   changes.

A side that is known to be whole takes a reply with fewer for one that was cut. A refresh never takes trust away: of two
sides at the same update of which the later is short, the one that vouches for more stays.

The doubt that remains. A cap below `LEAST_CAP`, on a book whose stream is quiet at the first look, until it is not; a
constant cap below the promise, on a side whose number of levels does not change for the seconds between so many
replies, until it does change; caps that are another one at each reply and happen to be, three times in a row, the
number of levels that are known.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from depthactors.book.side import BookSide

LEAST_CAP: Final = 5
"""No venue offers fewer levels than these: the smallest size of a snapshot and of a partial stream."""
AGREEMENTS: Final = 2
"""Replies that agree with the one before, until a short side is taken for whole: where their numbers of levels differ.
For this one and the others see rule 3."""
AGREEMENTS_IF_SAME: Final = 3
"""The same, where all replies have as many levels, as those of a constant cap have."""
AGREEMENTS_IF_ROUND: Final = 5
"""The same, where that number is one of `ROUND`."""
AGREEMENTS_IF_CUT: Final = 10
"""The same, where such a belief has proved wrong before."""
AGREEMENTS_IF_FEW: Final = 1
"""The same, with fewer levels than `LEAST_CAP`, or none at all."""
ROUND: Final = frozenset({5, 10, 20, 25, 50, 100, 200, 250, 400, 500, 1000, 2000, 2500, 5000})
"""Levels that venues cap at: the sizes of snapshots that the exchange offers, and round numbers between them."""


def look(new: BookSide, last_good: BookSide | None, *, quiet: bool, was_cut: bool) -> None:
    """Look at a reply's side for the first time: nothing that was followed leads up to it. O(levels).

    Args:
        new: the side of the reply.
        last_good: the side of the book before, if any.
        quiet: the stream has brought nothing yet.
        was_cut: a side that was believed to be whole proved to be none.
    """
    if not new.short:
        return
    if last_good is not None and last_good.whole and last_good.quantities == new.quantities:
        new.take_for_whole(last_good.believed)
    elif quiet and new.granted < LEAST_CAP and not was_cut and (last_good is None or last_good.known < LEAST_CAP):
        new.take_for_whole(new.granted)


def settle(old: BookSide, new: BookSide, *, was_cut: bool) -> tuple[BookSide, bool]:
    """Choose between two sides at the same update, `new` of a later reply, that agree in what both vouch for.

    O(levels). Returns the side to go on with, and whether `old` was believed to be whole and proved to be none. A side
    that is of `old` is a copy: readers may still be at the other. `was_cut` as of `look`.
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
    if old.short and agrees:
        new.agreements = old.agreements + 1
        new.varied = old.varied or _differ(old, new)
        if new.agreements >= _needed(new, was_cut=was_cut):
            new.take_for_whole(None if new.varied else new.granted)
        return new, False
    return (new if new.edge >= old.edge else old.copy()), False


def _differ(old: BookSide, new: BookSide) -> bool:
    """Tell whether no cap can have cut both replies."""
    return old.asked == new.asked and old.granted != new.granted


def _needed(side: BookSide, *, was_cut: bool) -> int:
    if not side.granted or (side.granted < LEAST_CAP and not was_cut):
        return AGREEMENTS_IF_FEW
    if side.varied:
        return AGREEMENTS
    if was_cut:
        return AGREEMENTS_IF_CUT
    return AGREEMENTS_IF_ROUND if side.granted in ROUND else AGREEMENTS_IF_SAME
