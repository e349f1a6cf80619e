"""Tables and ratios as they are printed."""

from tests.bench.report import ratio_words, table


def test_a_table_is_markdown():
    assert table(["a", "b"], [[1, 2], [3, 4]]) == "| a | b |\n| --- | ---: |\n| 1 | 2 |\n| 3 | 4 |"


def test_a_missed_goal_is_said():
    assert ratio_words("x : y", 1, 4, 0.5) == "- x : y: 0.25 (goal: at most 0.50)"
    assert ratio_words("x : y", 3, 4, 0.5) == "- x : y: 0.75 (goal: at most 0.50), missed"
