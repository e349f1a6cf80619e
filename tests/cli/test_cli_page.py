"""Screens of several books: they fit, the chosen book is on them, and the line at the bottom says what is left out."""

import pytest

from depthactors.cli.choice import Choice
from depthactors.cli.page import NEWS, area, layout, page
from depthactors.cli.styled import cells, plain
from tests.cli.looks import deep, look
from tests.support import table

SIZES = [(80, 24), (120, 40), (200, 50), (40, 20), (30, 10)]


def drawn(choice, size, news=(), **words):
    at = layout(choice, size[0], area(news, size[1]))
    looks = [look(deep(25), symbol=f"B{place}") for place in at.places(choice.books)]
    return at, [plain(line) for line in page(looks, choice, at, size, news=news, **words)]


@pytest.mark.parametrize("size", SIZES, ids=str)
@table("news", [(), ("one line",), tuple(f"line {n} " + "x" * 300 for n in range(9))])
@table("levels", [None, 1, 40])
@table("count", [1, 3, 100])
def test_a_screen_fits_and_the_chosen_book_is_on_it_with_its_touch(size, count, levels, news):
    for chosen in {0, count - 1}:
        choice = Choice(books=count, chosen=chosen, levels=levels)
        at, lines = drawn(choice, size, news)
        assert len(lines) == size[1]
        assert {cells(line) for line in lines} == {size[0]}
        places = at.places(count)
        assert chosen in places
        text = "\n".join(lines)
        assert text.count("LIVE") == len(places)
        assert text.count("100.01 ") >= len(places)
        assert text.count("100.00 ") >= len(places)
        assert ("? help" in lines[-1]) is (size[1] > 12 or not news) or size[0] < 80
        assert (f"of {count}" in lines[-1]) is (len(places) < count) or (news and size[1] <= 12)


@table(
    ("size", "count", "shown"),
    [
        ((80, 24), 3, 3), ((80, 24), 12, 4), ((120, 40), 12, 9), ((200, 50), 12, 12), ((40, 20), 3, 1),
        ((30, 10), 12, 1), ((200, 50), 1, 1),
    ],
)  # fmt: skip
def test_as_many_books_as_there_is_room_for(size, count, shown):
    assert len(drawn(Choice(books=count), size)[0].places(count)) == shown


def test_more_levels_leave_room_for_fewer_books():
    shown = [len(drawn(Choice(books=12, levels=levels), (120, 40))[0].places(12)) for levels in (1, 3, 8, 17)]
    assert shown == sorted(shown, reverse=True)
    assert shown[0] > shown[-1]


def test_the_screen_moves_no_further_than_the_chosen_book_needs():
    first = 0
    for chosen, wanted in ((3, 0), (4, 1), (6, 3), (5, 3), (2, 2), (11, 8), (0, 0)):
        first = drawn(Choice(books=12, chosen=chosen, first=first), (80, 24))[0].first
        assert first == wanted


def test_a_book_alone_has_the_whole_screen():
    at, lines = drawn(Choice(books=12, chosen=7, alone=True), (80, 24))
    assert (list(at.places(12)), at.height) == ([7], 23)
    assert lines[0].startswith("8 B7 spot 100 ms ")
    assert lines[-1].rstrip() == "book 8 of 12  ? help  q quit"


def test_the_last_line_says_what_concerns_all_books_and_leaves_out_what_does_not_fit():
    remarks = ["12 of 100 books live, about 40 s left", "requests are refused for 12 s more"]
    choice = Choice(books=12, is_paused=True)
    assert (
        drawn(choice, (200, 50), remarks=remarks)[1][-1].rstrip()
        == f"PAUSED  {remarks[0]}  {remarks[1]}  ? help  q quit"
    )
    assert (
        drawn(choice, (80, 24), remarks=remarks)[1][-1].rstrip()
        == f"PAUSED  {remarks[0]}  books 1-4 of 12  ? help  q quit"
    )
    assert drawn(choice, (40, 20), remarks=remarks)[1][-1].rstrip() == "PAUSED  book 1 of 12  ? help  q quit"
    assert drawn(choice, (34, 20), remarks=remarks)[1][-1].rstrip() == "PAUSED  book 1 of 12  ? help"
    assert drawn(choice, (20, 20), remarks=remarks)[1][-1].rstrip() == "PAUSED  book 1 of 12"


def test_news_stand_above_the_last_line_the_latest_last_and_alone_on_a_low_screen():
    news = [f"line {n}" for n in range(NEWS)]
    assert [line.rstrip() for line in drawn(Choice(books=1), (40, 20), news)[1][-4:-1]] == news
    assert drawn(Choice(books=1), (30, 10), news)[1][-1].rstrip() == news[-1]


@table("size", SIZES)
def test_the_help_is_drawn_in_place_of_the_books(size):
    lines = drawn(Choice(books=3, is_help=True), size)[1]
    assert lines[0].startswith("arrows, Tab ")
    assert size < (40, 20) or "Any key goes back." in {line.rstrip() for line in lines}
    assert (len(lines), {cells(line) for line in lines}) == (size[1], {size[0]})


@table("size", [(1, 1), (3, 2), (9, 3), (13, 5)])
def test_a_screen_that_is_too_small_for_anything_is_drawn_all_the_same(size):
    for choice in (Choice(books=3), Choice(books=3, is_help=True, is_paused=True)):
        lines = drawn(choice, size, ["news"])[1]
        assert (len(lines), {cells(line) for line in lines}) == (size[1], {size[0]})
