"""Keys: each changes one thing, and a key without a meaning nothing."""

from decimal import Decimal

from depthactors.cli.choice import HELP, Choice, pressed
from tests.support import table

CENT = Decimal("0.01")


def press(choice, *keys, shown=5):
    for key in keys:
        choice = pressed(choice, key, shown=shown, tick=lambda: CENT)
    return choice


@table(
    ("keys", "chosen"),
    [
        (["right"], 1), (["left"], 2), (["tab", "tab"], 2), (["back-tab"], 2),
        (["3"], 2), (["2", "1"], 0), (["9"], 2), (["0"], 0),
    ],
)  # fmt: skip
def test_another_book(keys, chosen):
    assert press(Choice(books=3), *keys) == Choice(books=3, chosen=chosen)


def test_up_and_down_leap_by_a_row_and_page_keys_by_a_screen_as_far_as_there_are_books():
    choice = Choice(books=12)
    for key, chosen in (("down", 3), ("page-down", 9), ("page-down", 11), ("up", 8), ("page-up", 2), ("up", 0)):
        choice = pressed(choice, key, shown=5, tick=lambda: CENT, row=3, screen=6)
        assert choice.chosen == chosen


@table(("keys", "levels"), [(["+"], 6), (["="], 6), (["-"], 4), (["a"], None), (["+", "a"], None)])
def test_levels_begin_at_those_that_are_shown(keys, levels):
    assert press(Choice(books=1), *keys).levels == levels


def test_a_level_always_stays():
    assert press(Choice(books=1), "-", shown=1).levels == 1


def test_steps_of_the_price_are_of_the_chosen_book_alone():
    choice = press(Choice(books=2), "]", "]", "right", "]")
    assert choice.steps == {0: Decimal("0.05"), 1: Decimal("0.02")}
    assert press(choice, "[").steps == {0: Decimal("0.05")}
    assert press(Choice(books=2), "[").steps == {}


def test_a_pause_ends_by_the_same_key_and_help_by_any():
    paused = press(Choice(books=1), " ")
    assert (paused.is_paused, press(paused, " ").is_paused) == (True, False)
    helped = press(Choice(books=1), "?")
    assert (helped.is_help, press(helped, "q")) == (True, Choice(books=1))
    assert press(Choice(books=1), "enter").alone
    assert press(Choice(books=1), "q").is_over


@table("key", ["x", "é", "\x1b", "²", "٣"])
def test_any_other_key_changes_nothing(key):
    assert press(Choice(books=3), key) == Choice(books=3)


def test_the_help_has_every_key_and_every_word_of_the_screen():
    text = "\n".join(HELP)
    for key in ("arrows", "Tab", "1 to 9", "Enter", "+ -", "a ", "] [", "space", "?", "q "):
        assert key in text
    for word in ("columns ", "sums ", "lag ", "vouched for ", "+ "):
        assert f"\n{word}" in text or f"5{word}" in text
