"""Lines of a screen: parts of text, each with a style, at a width in cells."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, TypeAlias
from unicodedata import east_asian_width

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Style: TypeAlias = Literal["", "ask", "bid", "bold", "dim", "chosen", "LIVE", "STALE", "SYNCING", "FAILED", "STOPPED"]
Line: TypeAlias = tuple[tuple[str, Style], ...]

COLOURS: Final[Mapping[Style, str]] = {
    "ask": "red",
    "bid": "green",
    "LIVE": "green",
    "STALE": "yellow",
    "SYNCING": "cyan",
    "FAILED": "red",
    "STOPPED": "red",
}
"""The styles that are colours; the others make text stand out, as far as the terminal can."""


def cells(text: str) -> int:
    """Return the width of a text: a Chinese character, as some symbols have them, takes two cells."""
    return len(text) if text.isascii() else sum(1 + (east_asian_width(each) in "WF") for each in text)


def plain(line: Line) -> str:
    """Return the text of a line."""
    return "".join(text for text, _ in line)


def cut(text: str, width: int) -> str:
    """Return the beginning of a text that fits, with dots at its end if it is not all of it."""
    return text if cells(text) <= width else _beginning(text, width - 3) + "..."[: max(0, width)]


def _beginning(text: str, width: int) -> str:
    if cells(text) <= width:
        return text
    kept, used = [], 0
    for each in text:
        used += cells(each)
        if used > width:
            break
        kept.append(each)
    return "".join(kept)


def fitted(line: Line, width: int) -> Line:
    """Return a line of exactly `width` cells: cut, or filled with blanks."""
    parts: list[tuple[str, Style]] = []
    left = width
    for text, style in line:
        part = _beginning(text, left)
        left -= cells(part)
        parts.append((part, style))
        if part != text:
            break
    return (*parts, (" " * left, ""))


def beside(columns: Iterable[list[Line]], gap: int) -> list[Line]:
    """Join columns of equally many lines."""
    between: Line = ((" " * gap, ""),)
    joined: list[Line] = []
    for row in zip(*columns, strict=True):
        line = row[0]
        for part in row[1:]:
            line = (*line, *between, *part)
        joined.append(line)
    return joined


def packed(words: Iterable[str], width: int) -> list[str]:
    """Put words into as few lines as possible, in their order, two blanks apart; each is cut to the width."""
    lines: list[str] = []
    for each in (cut(word, width) for word in words):
        if lines and cells(lines[-1]) + 2 + cells(each) <= width:
            lines[-1] += f"  {each}"
        else:
            lines.append(each)
    return lines
