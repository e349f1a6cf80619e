"""What the keys of `depthactors watch` have chosen, and what each key changes."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from depthactors.cli.grouping import coarser, finer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from decimal import Decimal

HELP: Final = (
    "arrows, Tab   another book",
    "Page keys     the books before or after",
    "1 to 9        the book of that number",
    "Enter         this book alone, or all",
    "+ -           more or fewer levels",
    "a             as many levels as fit",
    "] [           coarser or finer steps of the price",
    "space         pause, and go on",
    "?             this help",
    "q             quit",
    "",
    "columns       price, quantity, running sum",
    "sums          of the bids / asks shown",
    "lag           arrival minus event time",
    "vouched for   levels that are certain",
    "1.5+          a step that goes on beyond",
    "",
    "Any key goes back.",
)
"""The lines of the help."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What a person has chosen.

    Attributes:
        books: number of books.
        chosen: place of the book that keys concern.
        first: place of the first book on the screen.
        alone: whether the chosen book is shown alone.
        levels: number of levels a side; `None` for as many as fit.
        steps: step of the price of each book that has one.
        is_paused: whether the picture stands still.
        is_help: whether the help is shown.
        is_over: whether to quit.
    """

    books: int
    chosen: int = 0
    first: int = 0
    alone: bool = False
    levels: int | None = None
    steps: Mapping[int, Decimal] = field(default_factory=dict)
    is_paused: bool = False
    is_help: bool = False
    is_over: bool = False


def pressed(
    choice: Choice, key: str, *, shown: int, tick: Callable[[], Decimal], row: int = 1, screen: int = 1
) -> Choice:
    """Return what is chosen after a key; a key without a meaning changes nothing.

    Args:
        choice: what was chosen before.
        key: a character, or `left`, `right`, `up`, `down`, `tab`, `back-tab`, `page-up`, `page-down`, `enter`.
        shown: number of levels a side that are on the screen.
        tick: returns the smallest step of the chosen book's prices.
        row: number of books in a row of the screen.
        screen: number of books on the screen.
    """
    if choice.is_help:
        return replace(choice, is_help=False)
    if key in _MOVES:
        return replace(choice, chosen=(choice.chosen + _MOVES[key]) % choice.books)
    if key in _LEAPS:
        direction, is_row = _LEAPS[key]
        place = choice.chosen + direction * (row if is_row else screen)
        return replace(choice, chosen=min(max(0, place), choice.books - 1))
    if key in _BOOKS:
        return replace(choice, chosen=min(int(key), choice.books) - 1)
    if key in {"[", "]"}:
        return _stepped(choice, key, tick())
    change = _CHANGES.get(key)
    return choice if change is None else change(choice, shown)


def _stepped(choice: Choice, key: str, tick: Decimal) -> Choice:
    before = choice.steps.get(choice.chosen)
    step = coarser(before, tick) if key == "]" else finer(before, tick)
    steps = {place: each for place, each in choice.steps.items() if place != choice.chosen}
    return replace(choice, steps=steps if step is None else steps | {choice.chosen: step})


_MOVES: Final = {"left": -1, "back-tab": -1, "right": 1, "tab": 1}
_LEAPS: Final = {"up": (-1, True), "down": (1, True), "page-up": (-1, False), "page-down": (1, False)}
"""Direction, and whether by a row of the screen or by the whole of it."""
_BOOKS: Final = frozenset("123456789")
_CHANGES: Final[Mapping[str, Callable[[Choice, int], Choice]]] = {
    "+": lambda choice, shown: replace(choice, levels=shown + 1),
    "=": lambda choice, shown: replace(choice, levels=shown + 1),
    "-": lambda choice, shown: replace(choice, levels=max(1, shown - 1)),
    "a": lambda choice, _: replace(choice, levels=None),
    "enter": lambda choice, _: replace(choice, alone=not choice.alone),
    " ": lambda choice, _: replace(choice, is_paused=not choice.is_paused),
    "?": lambda choice, _: replace(choice, is_help=True),
    "q": lambda choice, _: replace(choice, is_over=True),
}
