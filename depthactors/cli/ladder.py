"""One book as lines of a given size: its name, what is known of it, and its levels around the touch.

What does not fit is left out in a fixed order. The best price of each side and what is between them are always there.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from textwrap import wrap
from typing import TYPE_CHECKING, Any, Final

from depthactors.book import BookState
from depthactors.cli.grouping import decimals_of
from depthactors.cli.levels import levels_of
from depthactors.cli.styled import cells, cut, fitted, packed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from depthactors.book import BookView
    from depthactors.cli.levels import Levels, Row
    from depthactors.cli.shown import Look
    from depthactors.cli.styled import Line, Style

FEWEST: Final = 3
"""Levels a side for which everything but the name and the touch makes room."""
_PRICE: Final = 10
_SIZE: Final = 9
"""Cells of a column, if its numbers are not longer: columns that do not move are easier to read."""
_SHORTEST_BAR: Final = 5
_LONGEST_BAR: Final = 30
_WHY_LINES: Final = 3
_NEAR: Final = 10
"""Levels a side whose prices show how many decimals a price has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """How a book is drawn.

    Attributes:
        width, height: size in cells.
        levels: number of levels a side; `None` for as many as fit.
        step: step of the price by which levels are put together; `None` for every level apart.
        number: number of the book among several; `None` if it is the only one.
        chosen: whether keys concern this book.
        mark: what bars are drawn with.
    """

    width: int
    height: int
    levels: int | None = None
    step: Decimal | None = None
    number: int | None = None
    chosen: bool = False
    mark: str = "#"


def ladder(look: Look, frame: Frame) -> list[Line]:
    """Return `frame.height` lines of `frame.width` cells."""
    view = look.view
    has_levels = view is not None and bool(view.exact("bid") or view.exact("ask"))
    body = _book(look, view, frame) if view is not None and has_levels else _nothing(look, frame)
    lines = [_name(look, frame), *body][: frame.height]
    lines += [()] * (frame.height - len(lines))
    return [fitted(line, frame.width) for line in lines]


def fitting(height: int, levels: int | None) -> int:
    """Return the number of levels a side for which a ladder of this height has room, at most `levels`, at least one."""
    room = max(1, (height - 2) // 2)
    return room if levels is None else min(room, levels)


def _name(look: Look, frame: Frame) -> Line:
    """Return the first line: symbol and state, then, where they fit, the book's number, the market, the interval."""
    state = "" if look.view is None else str(look.view.state)
    style: Style = "" if look.view is None else look.view.state.value
    symbol = cut(look.symbol, max(1, frame.width - cells(state) - 1))
    numbered = symbol if frame.number is None else f"{frame.number} {symbol}"
    longer = (numbered, f"{numbered} {look.market}", f"{numbered} {look.market} {look.speed_ms} ms")
    room = frame.width - cells(state) - 1
    left = next((words for words in reversed(longer) if cells(words) <= room), symbol)
    blank = " " * (frame.width - cells(left) - cells(state))
    kind: Style = "chosen" if frame.chosen else "bold"
    return ((left, kind), (blank, "chosen" if frame.chosen else ""), (state, style))


def _nothing(look: Look, frame: Frame) -> list[Line]:
    """Return why there are no levels."""
    words = _short(look.why or "") or ("" if look.view is None else "waits for its first snapshot")
    return [((line, "STALE"),) for line in _wrapped(words, frame.width, frame.height - 1)]


def shown_levels(look: Look, frame: Frame) -> int:
    """Return the number of levels a side for which there is room in the ladder, if the book has so many."""
    view = look.view
    return fitting(frame.height, frame.levels) if view is None else _room(look, view, frame)[2]


def _room(look: Look, view: BookView[Any], frame: Frame) -> tuple[list[str], int, int]:
    """Return the lines of the reason, the number of lines of facts, and the number of levels a side."""
    spare = frame.height - 2 - 2 * fitting(frame.height, min(FEWEST, frame.levels or FEWEST))
    is_live = view.state is BookState.LIVE
    why = [] if is_live or not look.why else _wrapped(_short(look.why), frame.width, min(_WHY_LINES, spare))
    facts = _facts(look, view, levels_of(view, FEWEST, frame.step, look.depth), frame)
    count = min(len(packed(facts, frame.width)), spare - len(why))
    return why, count, fitting(frame.height - len(why) - count, frame.levels)


def _book(look: Look, view: BookView[Any], frame: Frame) -> list[Line]:
    why, count, most = _room(look, view, frame)
    levels = levels_of(view, most, frame.step, look.depth)
    # More levels have a longer sum, which may need a line more: then what comes last is left out.
    facts = packed(_facts(look, view, levels, frame), frame.width)[:count]
    asks, bids = _table(levels, frame, is_live=view.state is BookState.LIVE)
    return [
        *(((line, "STALE"),) for line in why),
        *(((line, "dim"),) for line in facts),
        *([()] * (most - len(asks))),
        *asks,
        _between(view, frame.width),
        *bids,
    ]


def _short(why: str) -> str:
    """Return a reason without the address of a stream at its beginning: it is long, and the log has it."""
    return why.partition(": ")[2] or why if why.startswith(("ws://", "wss://")) else why


def _wrapped(words: str, width: int, most: int) -> list[str]:
    """Return at most so many lines, with dots where more would follow."""
    lines = wrap(words, max(1, width))
    return lines if len(lines) <= most else [*lines[: most - 1], cut(" ".join(lines[most - 1 :]), width)][:most]


def _facts(look: Look, view: BookView[Any], levels: Levels, frame: Frame) -> list[str]:
    """Return what is known beside the levels; what comes last is left out first."""
    facts = [f"{view.age:.1f} s old"] if view.recv_time else []
    if look.lag is not None:
        facts.append(f"lag {look.lag * 1000:.0f} ms")
    if look.rate is not None:
        facts.append(f"{look.rate:.1f} updates/s")
    if frame.step is not None:
        facts.append(f"steps of {frame.step.normalize():f}")
    facts.append(f"sums {_total(levels.bids)} / {_total(levels.asks)}")
    if look.vouched is not None:
        facts.append(f"{look.vouched} vouched for")
    return facts


def _total(rows: Sequence[Row]) -> str:
    return rows[-1].total if rows else "0"


def _between(view: BookView[Any], width: int) -> Line:
    """Return what is between the best bid and the best ask: mid and spread, whatever the step."""
    exact = view.best(1, Decimal)
    if exact.mid is None or exact.spread is None:
        words = "no asks" if exact.best_bid else "no bids"
    else:
        near = view.best(_NEAR, view.number)
        decimals = decimals_of(price for price, _ in near.texts("bid") + near.texts("ask"))
        mid, spread = f"{exact.mid:.{decimals + 1}f}", f"{exact.spread:.{decimals}f}"
        longer = (
            f"mid {mid}  spread {spread} ({exact.spread / exact.mid * 10_000:.2f} bps)",
            f"mid {mid}  spread {spread}",
            f"spread {spread}",
        )
        words = next((each for each in longer if cells(each) <= width), spread)
    return ((words.center(width), "bold"),)


def _table(levels: Levels, frame: Frame, *, is_live: bool) -> tuple[list[Line], list[Line]]:
    """Return the lines of asks, best last, and of bids, best first; what may not be believed is pale."""
    price, size, total, bar = _columns(levels.bids + levels.asks, frame.width)

    def lines(rows: list[Row], colour: Style) -> list[Line]:
        style: Style = colour if is_live else "dim"
        return [
            (
                (row.price.rjust(price), style),
                (f" {row.size:>{size}}", "" if is_live else "dim"),
                (f" {row.total:>{total}}" if total else "", "dim"),
                (" " + frame.mark * max(1, round(row.share * bar)) if bar else "", style),
            )
            for row in rows
        ]

    return lines(levels.asks, "ask")[::-1], lines(levels.bids, "bid")


def _columns(rows: Sequence[Row], width: int) -> tuple[int, int, int, int]:
    """Return the cells of price, size, sum and bar; what does not fit has none: first the sum, then the bar."""
    price, size, total = (max((len(text) for text in texts), default=0) for texts in _texts(rows))
    wide_price, wide_size, wide_total = max(price, _PRICE), max(size, _SIZE), max(total, _SIZE)
    bar = width - wide_price - wide_size - wide_total - 3
    if bar >= _SHORTEST_BAR:
        return wide_price, wide_size, wide_total, min(bar, _LONGEST_BAR)
    bar += wide_total + 1
    if bar >= _SHORTEST_BAR:
        return wide_price, wide_size, 0, min(bar, _LONGEST_BAR)
    return price, size, 0, 0


def _texts(rows: Sequence[Row]) -> tuple[list[str], list[str], list[str]]:
    return [row.price for row in rows], [row.size for row in rows], [row.total for row in rows]
