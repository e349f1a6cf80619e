"""Ladders: every digit of every level, whatever the size of a market's numbers."""

import io
import re
from decimal import Decimal
from xml.etree import ElementTree as ET

import pytest
from rich.console import Console, ConsoleDimensions

from depthactors.book import BookState, BookView
from depthactors.cli import ladder
from tests.support import table

ROOM = ConsoleDimensions(80, 60)


class Still:
    """A book that does not move."""

    symbol = "SHIBBTC"

    def __init__(self, view, words):
        self._view = view
        self._words = words

    def look(self, levels):
        assert levels == 8
        return self._view, self._words


def drawn(view, words="spot 100 ms"):
    console = Console(width=80, force_terminal=False)
    with console.capture() as capture:
        console.print(ladder._screen([Still(view, words)], 8, ROOM))
    return [line.strip(" │╭╮╰╯─") for line in capture.get().splitlines()]


def view(bids, asks, number=float, decimals=(8, 8)):
    return BookView(
        "SHIBBTC", BookState.STALE, last_update_id=7, age=3.0, bids=bids, asks=asks, number=number, decimals=decimals
    )


@pytest.mark.parametrize("number", [float, Decimal])
def test_asks_stand_above_bids_best_ones_in_the_middle_and_no_digit_is_lost(number):
    rows = drawn(view(((0.00001233, 5.0), (0.0000123, 10.0)), ((0.00001234, 1.5), (0.00001235, 123456789.25)), number))
    assert [row.split()[:2] for row in rows[1:5]] == [
        ["0.00001235", "123456789.25"],
        ["0.00001234", "1.50"],
        ["0.00001233", "5.00"],
        ["0.00001230", "10.00"],
    ]
    assert rows[1].endswith("█" * 12), "the largest has the longest bar"
    assert rows[2].endswith(" █")


def test_zeros_that_fill_up_are_left_out():
    rows = drawn(view(((61730.1, 2.0),), ((61731.0, 1.0),)))
    assert [row.split()[:2] for row in rows[1:3]] == [["61731.0", "1"], ["61730.1", "2"]]


def test_state_age_and_words_are_shown_and_long_words_are_broken_rather_than_cut():
    words = "spot 100 ms: the engine 'books' was killed, or ended without being stopped"
    rows = drawn(view(((1.0, 2.0),), ((2.0, 1.0),)), words)
    assert rows[0] == "SHIBBTC STALE"
    assert rows[-1] == "3.0 s old"
    assert " ".join(rows[3:-1]) == words


def test_a_book_without_levels_and_no_book_are_drawn_too():
    assert drawn(view((), ())) == ["SHIBBTC STALE", "spot 100 ms", "3.0 s old"]
    assert drawn(None, "is not shown") == ["SHIBBTC", "is not shown", ""]


def deep():
    """Return a view with more levels than there is room for anywhere."""
    return view(tuple((100.0 - n, 1.0) for n in range(8)), tuple((101.0 + n, 1.0) for n in range(8)), decimals=(0, 0))


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 50), (40, 20), (30, 10)], ids=str)
@table("count", [1, 3, 12])
@table("words", ["spot 100 ms", "spot 100 ms: ws://127.0.0.1:9/stream: connection refused, tried again in 4 s"])
def test_the_screen_fits_and_the_best_prices_are_on_it(size, count, words):
    size = ConsoleDimensions(*size)
    books = [Still(deep(), words) for _ in range(count)]
    console = Console(width=size.width, height=size.height, force_terminal=False)
    with console.capture() as capture:
        console.print(ladder._screen(books, 8, size))
    lines = capture.get().splitlines()
    assert len(lines) <= size.height
    assert max(map(len, lines)) <= size.width
    text = "\n".join(lines)
    shown = text.count("SHIBBTC STALE")
    assert shown >= 1
    assert len(re.findall(r"\b100 +1\b", text)) == len(re.findall(r"\b101 +1\b", text)) == shown
    assert (f"and {count - shown} more: there is no room" in text) is (shown < count)


def test_a_picture_has_all_levels():
    console = Console(width=80, force_terminal=False)
    with console.capture() as capture:
        console.print(ladder._screen([Still(deep(), "spot")], 8, ConsoleDimensions(80, ladder._height(8, 1))))
    assert len(capture.get().splitlines()) == ladder._height(8, 1)


def test_a_terminal_that_knows_ascii_only_is_drawn_what_it_knows(monkeypatch):
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(io.BytesIO(), encoding="ascii"))
    rows = drawn(view(((1.0, 2.0),), ((2.0, 2.0),)))
    assert rows[1].split()[-2] == "#" * 12


def test_the_picture_has_the_books_side_by_side(tmp_path):
    book = Still(view(((1.0, 2.0),), ((2.0, 1.0),)), "spot 100 ms")
    ladder.save([book, book, book], 8, tmp_path / "ladders.svg")
    picture = ET.parse(tmp_path / "ladders.svg").getroot()
    (title,) = [text for text in picture.itertext() if "demo" in text]
    assert title == "depthactors\xa0demo"
    assert "".join(picture.itertext()).count("SHIBBTC") == 3
