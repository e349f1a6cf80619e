"""The picture of some books as they are at this moment, and as a person has chosen to see them."""

from __future__ import annotations

import locale
import sys
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from depthactors.cli.choice import Choice, pressed
from depthactors.cli.grouping import tick_of
from depthactors.cli.ladder import shown_levels
from depthactors.cli.page import area, frame_of, layout, page

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from depthactors.cli.page import Layout
    from depthactors.cli.shown import Look, Shown
    from depthactors.cli.styled import Line

_FULL: Final = "█"


class Drawing:
    """The picture of some books, and what a person has chosen to see."""

    def __init__(
        self, books: Sequence[Shown], step: Decimal | None = None, remarks: Callable[[], Sequence[str]] = tuple
    ) -> None:
        """Draw nothing yet."""
        self._books = books
        self._remarks = remarks
        self._choice = Choice(books=len(books), steps={} if step is None else dict.fromkeys(range(len(books)), step))
        self._looks: dict[int, Look] = {}
        self._words: Sequence[str] = ()
        self._mark = mark()

    @property
    def is_over(self) -> bool:
        """Whether the person has quit."""
        return self._choice.is_over

    def lines(self, width: int, height: int, news: Sequence[str] = ()) -> list[Line]:
        """Look at the books that there is room for, and return the picture of them."""
        at = self._layout(width, height, news)
        places = at.places(self._choice.books)
        if not self._choice.is_paused:
            self._words = self._remarks()
            self._looks.clear()
        looks = [self._look(place) for place in places]
        return page(looks, self._choice, at, (width, height), remarks=self._words, news=news, mark=self._mark)

    def ladders(self, width: int, height: int) -> list[Line]:
        """Return the picture without the lines at the bottom, which are about keys, and without the help."""
        self._choice = replace(self._choice, is_help=False)
        return self.lines(width, height + 1)[:height]

    def press(self, key: str, width: int, height: int, news: Sequence[str] = ()) -> None:
        """Do what a key means."""
        choice = self._choice
        at = self._layout(width, height, news)
        look = self._look(choice.chosen)
        shown = shown_levels(look, frame_of(choice, choice.chosen, at, self._mark))
        self._choice = pressed(
            choice, key, shown=shown, tick=lambda: _tick(look), row=at.across, screen=at.across * at.down
        )

    def _layout(self, width: int, height: int, news: Sequence[str]) -> Layout:
        at = layout(self._choice, width, area(news, height))
        self._choice = replace(self._choice, first=self._choice.first if self._choice.alone else at.first)
        return at

    def _look(self, place: int) -> Look:
        """Look at a book, unless it was looked at for this picture, or before the pause."""
        if place not in self._looks:
            self._looks[place] = self._books[place].look(None)
        return self._looks[place]


def _tick(look: Look) -> Decimal:
    return (
        Decimal(1)
        if look.view is None
        else tick_of(price for price, _ in look.view.texts("bid") + look.view.texts("ask"))
    )


def mark() -> str:
    """Return what bars are drawn with, on a terminal that may know ASCII only."""
    # Python takes UTF-8 in the C locale, too, in which the system's own functions draw nothing but ASCII.
    for encoding in (sys.stdout.encoding or "ascii", locale.nl_langinfo(locale.CODESET)):
        try:
            _FULL.encode(encoding)
        except (UnicodeEncodeError, LookupError):
            return "#"
    return _FULL
