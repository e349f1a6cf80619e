"""The kinds of streams, by their names. Pure."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from depthactors.markets import Market

PARTIAL_LEVELS: Final = (5, 10, 20)
"""Levels a side for which there are partial-depth streams."""


class DiffStream(NamedTuple):
    """Every change since the last event, every `interval` milliseconds; 0 for each change of the book."""

    interval: int


class PartialStream(NamedTuple):
    """The best `levels` levels a side, every `interval` milliseconds if the book changed."""

    levels: int
    interval: int


class TickerStream(NamedTuple):
    """Each change of the best bid or ask."""


StreamKind: TypeAlias = DiffStream | PartialStream | TickerStream


def kind_of(suffix: str, market: Market) -> StreamKind | None:
    """Read what follows the symbol in a stream's name (`@depth@100ms`); `None` for a stream that stays silent.

    Only exact names are served: futures ack `@depth@250ms` and never send it.
    """
    return _kinds(market).get(suffix)


@cache
def _kinds(market: Market) -> dict[str, StreamKind]:
    # `@depth@0ms` is not documented, but programs that collect data ask for it.
    kinds: dict[str, StreamKind] = {"@depth@0ms": DiffStream(0), "@bookTicker": TickerStream()}
    for interval, suffix in market.speeds:
        kinds[suffix] = DiffStream(interval)
        for levels in PARTIAL_LEVELS:
            kinds[suffix.replace("@depth", f"@depth{levels}")] = PartialStream(levels, interval)
    return kinds
