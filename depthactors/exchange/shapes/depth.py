"""The levels of a book as the exchange writes them: texts, best first. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

LevelText: TypeAlias = tuple[str, str]
"""Price and quantity as the exchange writes them."""


@dataclass(frozen=True, slots=True)
class Depth:
    """What a REST depth reply shows, before its family of markets gives it a shape.

    Attributes:
        last_update_id: the update id of the book.
        time_us: the time of the book, in microseconds since the epoch.
        bids: levels, best first.
        asks: levels, best first.
        matched_us: the time of the matching engine's last change (`T`), `None` if it is not known.
    """

    last_update_id: int
    time_us: int
    bids: Sequence[LevelText]
    asks: Sequence[LevelText]
    matched_us: int | None = None


def level_texts(levels: Iterable[Sequence[str]]) -> list[LevelText]:
    """Return price and quantity of each level; recordings of 2017 have a third, empty element, which is left out."""
    return [(level[0], level[1]) for level in levels]
