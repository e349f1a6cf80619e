"""Parts of lines have a width in cells, whatever characters they are of."""

from depthactors.cli.styled import beside, cells, cut, fitted, packed, plain
from tests.support import table


@table(("text", "width"), [("", 0), ("BTC", 3), ("币安USDT", 8), ("é", 1)])
def test_a_chinese_character_takes_two_cells(text, width):
    assert cells(text) == width


@table(
    ("text", "width", "shown"),
    [
        ("BTCUSDT", 7, "BTCUSDT"),
        ("BTCUSDT", 6, "BTC..."),
        ("币安人生", 7, "币安..."),
        ("BTCUSDT", 2, ".."),
        ("B", 0, ""),
    ],
)
def test_what_is_cut_ends_with_dots_and_fits(text, width, shown):
    assert cut(text, width) == shown
    assert cells(shown) <= width


@table("width", range(12))
def test_a_line_is_cut_or_filled_to_its_width(width):
    line = fitted((("币安", "bold"), ("BTC", "")), width)
    assert cells(plain(line)) == width
    assert "币安BTC".startswith(plain(line).rstrip())


def test_columns_stand_beside_each_other():
    assert [plain(line) for line in beside([[(("a", ""),), (("b", ""),)], [(("c", ""),), (("d", ""),)]], 2)] == [
        "a  c",
        "b  d",
    ]


def test_words_are_packed_in_their_order_and_cut_if_one_is_too_long():
    assert packed(["one", "two", "three", "a longer one"], 9) == ["one  two", "three", "a long..."]
    assert packed([], 9) == []
