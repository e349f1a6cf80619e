"""Several books as a screen of a given size: ladders side by side, and lines at the bottom."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from depthactors.cli.choice import HELP
from depthactors.cli.ladder import FEWEST, Frame, ladder
from depthactors.cli.styled import beside, cells, cut, fitted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from depthactors.cli.choice import Choice
    from depthactors.cli.shown import Look
    from depthactors.cli.styled import Line

_GAP: Final = 2
_NARROWEST: Final = 36
"""Cells of a ladder that has another one beside it."""
_WIDEST: Final = 80
_FACTS: Final = 2
"""Lines of facts for which a ladder beside others has room."""
_LOW: Final = 12
"""Lines of a screen that has one line at the bottom, for news or else for the keys."""
NEWS: Final = 3
"""Most lines of news."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Where books are on a screen.

    Attributes:
        first: place of the first book.
        across, down: number of ladders in a row, and of rows.
        width, height: size of each ladder.
    """

    first: int
    across: int
    down: int
    width: int
    height: int

    def places(self, books: int) -> range:
        """Return the places of the books that are shown."""
        return range(self.first, min(books, self.first + self.across * self.down))


def layout(choice: Choice, width: int, height: int) -> Layout:
    """Lay the books out: as many as fit with the chosen number of levels, the chosen one among them."""
    count = 1 if choice.alone else choice.books
    lowest = 2 + _FACTS + 2 * (choice.levels or FEWEST)
    across = min(count, max(1, (width + _GAP) // (_NARROWEST + _GAP)))
    down = min(-(-count // across), max(1, height // (lowest + 1)))
    # Not more columns than the rows need.
    across = min(across, -(-count // down))
    room = across * down
    first = choice.chosen if choice.alone else _first(choice, room)
    return Layout(first, across, down, min(_WIDEST, (width + _GAP) // across - _GAP), (height + 1) // down - 1)


def _first(choice: Choice, room: int) -> int:
    """Return the first place so that the screen moves no further than the chosen book needs."""
    earliest = max(0, choice.chosen - room + 1)
    return max(0, min(max(choice.first, earliest), choice.chosen, choice.books - room))


def area(news: Sequence[str], height: int) -> int:
    """Return the number of lines for ladders: the rest is for what is at the bottom."""
    return max(1, height - _bottom(news, height))


def _bottom(news: Sequence[str], height: int) -> int:
    return 1 if height <= _LOW else 1 + min(len(news), NEWS)


def frame_of(choice: Choice, place: int, at: Layout, mark: str) -> Frame:
    """Return how the book of a place is drawn."""
    several = choice.books > 1
    return Frame(
        width=at.width,
        height=at.height,
        levels=choice.levels,
        step=choice.steps.get(place),
        number=place + 1 if several else None,
        chosen=several and place == choice.chosen,
        mark=mark,
    )


def page(
    looks: Sequence[Look],
    choice: Choice,
    at: Layout,
    size: tuple[int, int],
    *,
    remarks: Sequence[str] = (),
    news: Sequence[str] = (),
    mark: str = "#",
) -> list[Line]:
    """Return all lines of the screen.

    Args:
        looks: what is to be seen of the books of `at.places`.
        choice: what a person has chosen.
        at: where the books are.
        size: width and height of the screen.
        remarks: words about all books, such as how many are live.
        news: lines of the log, the latest last.
        mark: what bars are drawn with.
    """
    width, height = size
    room = area(news, height)
    if choice.is_help:
        lines: list[Line] = [((each, ""),) for each in HELP[:room]]
    else:
        lines = _ladders(looks, choice, at, mark)[:room]
    lines += [()] * (room - len(lines))
    return [fitted(line, width) for line in [*lines, *_bottom_lines(choice, at, size, remarks, news)][:height]]


def _ladders(looks: Sequence[Look], choice: Choice, at: Layout, mark: str) -> list[Line]:
    drawn = [
        ladder(look, frame_of(choice, place, at, mark))
        for place, look in zip(at.places(choice.books), looks, strict=True)
    ]
    lines: list[Line] = []
    for row in range(0, len(drawn), at.across):
        lines += [()] if row else []
        lines += beside(drawn[row : row + at.across], _GAP)
    return lines


def _bottom_lines(
    choice: Choice, at: Layout, size: tuple[int, int], remarks: Sequence[str], news: Sequence[str]
) -> list[Line]:
    """Return the news, and the line about the whole screen, for which a low screen with news has no room."""
    width, height = size
    lines: list[Line] = [((cut(line, width), "STALE"),) for line in news[-NEWS:]]
    status: Line = ((_status(choice, at, width, remarks), "chosen"),)
    return [*lines, status] if height > _LOW else (lines[-1:] or [status])


def _status(choice: Choice, at: Layout, width: int, remarks: Sequence[str]) -> str:
    """Return what concerns all books; what does not fit is left out."""
    shown = at.places(choice.books)
    parts = ["PAUSED"] if choice.is_paused else []
    parts += remarks
    if len(shown) < choice.books:
        last = f"-{shown[-1] + 1}" if len(shown) > 1 else ""
        parts.append(f"book{'s' * bool(last)} {shown[0] + 1}{last} of {choice.books}")
    parts += ["? help", "q quit"]
    words = ""
    for part in parts:
        joined = f"{words}  {part}" if words else cut(part, width)
        if cells(joined) <= width:
            words = joined
    return words
