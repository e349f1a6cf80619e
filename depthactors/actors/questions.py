"""The questions to a book, for `ref.ask(...)` and `handle.ask(...)`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from depthactors.book.numerals import given
from depthactors.errors import UsageError

if TYPE_CHECKING:
    from depthactors.book import Side
    from depthactors.book.numerals import Number


@dataclass(frozen=True, slots=True)
class Top:
    """Ask for a `BookView` of the best `levels` of each side."""

    levels: int

    def __post_init__(self) -> None:
        if type(self.levels) is not int or self.levels < 1:
            msg = f"expected a number of levels of at least 1, was {self.levels!r}"
            raise UsageError(msg)


@dataclass(frozen=True, slots=True)
class Best:
    """Ask for a `BookView` of the best level of each side."""


@dataclass(frozen=True, slots=True)
class Full:
    """Ask for a `BookView` of all levels that the snapshot vouches for; O(n log n)."""


@dataclass(frozen=True, slots=True)
class DepthTo:
    """Ask for the levels of one side from the best price to `price`, as a tuple of `(price, quantity)`."""

    side: Side
    price: Number

    def __post_init__(self) -> None:
        if self.side not in {"bid", "ask"}:
            msg = f"expected 'bid' or 'ask', was {self.side!r}"
            raise UsageError(msg)
        given("a price", self.price)


@dataclass(frozen=True, slots=True)
class Status:
    """Ask for a `BookStatus`."""


Question: TypeAlias = Top | Best | Full | DepthTo | Status


def no_question(message: object) -> UsageError:
    """Return the error of a message that is no question to a book."""
    return UsageError(f"expected a question to a book (Top, Best, Full, DepthTo, Status), was {type(message).__name__}")
