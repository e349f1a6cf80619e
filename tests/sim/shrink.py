"""Finding the few faults of a failing run that its failure needs."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.sim.faults import PlannedFault


def shrink(
    faults: Sequence[PlannedFault], fails: Callable[[list[PlannedFault]], bool], *, most: int = 30
) -> list[PlannedFault]:
    """Return as few of the faults as `fails` still fails with, in `most` runs at most.

    Parts are left out, first halves and in the end single faults, for as long as the failure stays.
    """
    kept, part, runs = list(faults), max(1, len(faults) // 2), 0
    while kept and runs < most:
        for begin in range(0, len(kept), part):
            fewer = kept[:begin] + kept[begin + part :]
            runs += 1
            if fails(fewer):
                kept = fewer
                break
            if runs >= most:
                return kept
        else:
            if part == 1:
                return kept
            part = max(1, part // 2)
    return kept
