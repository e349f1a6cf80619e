"""The picture of some books: keys change it, and a pause holds it."""

from decimal import Decimal

import pytest

from depthactors.cli.drawing import Drawing, mark
from depthactors.cli.styled import plain
from tests.cli.looks import Still, deep, look


@pytest.fixture
def books():
    return [Still(look(deep(20), symbol=f"B{number}")) for number in range(12)]


def text(drawing, size=(80, 24), **more):
    return "\n".join(plain(line) for line in drawing.lines(*size, **more))


def press(drawing, *keys, size=(80, 24)):
    for key in keys:
        drawing.press(key, *size)


def test_only_books_on_the_screen_are_looked_at(books):
    text(Drawing(books))
    assert [bool(book.asked) for book in books] == [True] * 4 + [False] * 8


def test_keys_change_what_is_shown(books):
    drawing = Drawing(books)
    assert "books 1-4 of 12" in text(drawing)
    press(drawing, "right", "right", "right", "right")
    assert "books 2-5 of 12" in text(drawing)
    press(drawing, "enter")
    assert "book 5 of 12" in text(drawing)
    press(drawing, "enter")
    assert "books 2-5 of 12" in text(drawing)
    press(drawing, "?")
    assert "Any key goes back." in text(drawing)
    press(drawing, "q")
    assert not drawing.is_over
    press(drawing, "q")
    assert drawing.is_over


def test_levels_grow_and_shrink_by_one_from_those_that_are_shown(books):
    drawing = Drawing(books[:1])
    for key, levels in (("-", 9), ("-", 8), ("+", 9), ("a", 10)):
        press(drawing, key)
        assert sum(line.strip()[:3] in {"100", "99."} for line in text(drawing).splitlines()) == 2 * levels


def test_a_step_of_the_price_is_of_the_chosen_book_or_of_all_from_the_start(books):
    drawing = Drawing(books)
    press(drawing, "right", "]")
    assert text(drawing).count("steps of 0.02") == 1
    assert text(Drawing(books, Decimal(10))).count("steps of 10") == 4


def test_a_pause_holds_the_picture_and_what_is_looked_at_for_the_first_time(books):
    remarks = ["so far"]
    drawing = Drawing(books, remarks=lambda: list(remarks))
    before = text(drawing)
    press(drawing, " ")
    for book in books:
        book.seen = look(deep(20), symbol="NEW")
    remarks[:] = ["later"]
    assert text(drawing).splitlines()[:-1] == before.splitlines()[:-1]
    assert text(drawing).splitlines()[-1].startswith("PAUSED  so far  ")
    press(drawing, " ")
    assert "NEW" in text(drawing)
    assert "later" in text(drawing)


def test_the_ladders_alone_have_no_line_about_keys_and_no_help(books):
    drawing = Drawing(books)
    press(drawing, "?")
    lines = [plain(line) for line in drawing.ladders(80, 20)]
    assert len(lines) == 20
    assert not any("help" in line for line in lines)
    assert lines[0].startswith("1 B0 ")


def test_bars_are_of_ascii_on_a_terminal_that_knows_no_more(monkeypatch):
    for encoding, system, expected in (
        ("ascii", "UTF-8", "#"), ("utf-8", "UTF-8", "█"), (None, "UTF-8", "#"), ("utf-8", "ANSI_X3.4-1968", "#"),
    ):  # fmt: skip
        monkeypatch.setattr("sys.stdout", type("Stream", (), {"encoding": encoding})())
        monkeypatch.setattr("locale.nl_langinfo", lambda _code, system=system: system)
        assert mark() == expected
