"""What a benchmark gives back, and tables as Markdown for the screen and for the README."""

from __future__ import annotations

from typing import Any, NamedTuple


class Result(NamedTuple):
    """The outcome of one benchmark.

    Attributes:
        text: for people.
        figures: the same for programs, fit for JSON.
        passed: whether all that was measured was also right.
    """

    text: str
    figures: dict[str, Any]
    passed: bool = True


def table(header, rows) -> str:
    """Return a Markdown table; the first column is left-aligned, the others right."""
    lines = [header, ["---", *["---:"] * (len(header) - 1)], *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)


def at_least_words(name, ours, other, goal) -> str:
    """Return a line about a ratio that is to be high, and the goal that it has."""
    ratio = ours / other
    return f"- {name}: {ratio:.2f} (goal: at least {goal:.2f}){'' if ratio >= goal else ', missed'}"


def ratio_words(name, ours, other, goal) -> str:
    """Return a line about a ratio and the goal that it has."""
    ratio = ours / other
    return f"- {name}: {ratio:.2f} (goal: at most {goal:.2f}){'' if ratio <= goal else ', missed'}"
