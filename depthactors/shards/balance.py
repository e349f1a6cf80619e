"""When books move from one worker to another because of load: arithmetic only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

_BUSY: Final = 0.8
"""Cores from which on a worker is overloaded: its interpreter has one at most, and bursts need some of it."""
_WORTH_IT: Final = 0.3
"""Cores that the busiest worker must use more than the idlest: less would only move the load back and forth."""
_USEFUL: Final = 0.75
"""Share of the difference that may move at most: half of it is best, and with all of it the two would swap."""
LOOK_EVERY: Final = 10.0
"""Seconds over which load is measured."""
PAUSE: Final = 60.0
"""Seconds after a move in which none follows: the books that moved cost more than usual for a while."""


class Load(NamedTuple):
    """What a worker does.

    Attributes:
        cores: processor time by time.
        books: how many it keeps.
    """

    cores: float
    books: int


class Relief(NamedTuple):
    """So many books of one worker are to move to another one, by their places in the list of loads."""

    busiest: int
    idlest: int
    books: int


def relief(loads: Sequence[Load]) -> Relief | None:
    """Choose what to move for the busiest and the idlest to do alike, if it is worth it; books count as equal."""
    if len(loads) < 2:
        return None
    places = range(len(loads))
    busiest = max(places, key=lambda place: loads[place].cores)
    idlest = min(places, key=lambda place: loads[place].cores)
    cores, books = loads[busiest]
    difference = cores - loads[idlest].cores
    if cores < _BUSY or difference < _WORTH_IT or books < 2:
        return None
    moves = min(books - 1, round(books * difference / 2 / cores))
    # One book alone may be more than is of use.
    return Relief(busiest, idlest, moves) if 0 < moves * cores / books < _USEFUL * difference else None
