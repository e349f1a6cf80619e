"""`Shape`: how a family of markets writes its events and replies. Pure.

Field names and their order are those of binance-spot-api-docs, `web-socket-streams.md` and `rest-api.md`,
and of the derivatives pages since the integration of June 2026 (`ps`, `st`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import orjson

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from depthactors.exchange.shapes.depth import Depth, LevelText
    from depthactors.exchange.shapes.number_format import NumberFormat
    from depthactors.exchange.shapes.symbol_rules import SymbolRules
    from depthactors.markets import Market

MILLISECOND: Final = 1_000
MICROSECOND: Final = 1
"""Units of time that a connection may ask for, in microseconds."""

_MATCHING_DELAY_US: Final = 6_000
"""Time from a change of the book (`T`) to its event (`E`), as recorded."""

Json: TypeAlias = dict[str, Any]
Levels: TypeAlias = "Sequence[LevelText] | orjson.Fragment"


@dataclass(frozen=True, slots=True)
class Shape:
    """How a family of markets looks to its clients; `table.SHAPES` has a row for each.

    Attributes:
        symbols: which symbols there are.
        number_format: how numbers are written where the symbol's own format is not known: in recordings.
        symbol_fields: the fields of an event that name its symbol.
        full_events: every event has its kind, its times `E` and `T`, and its symbol, and a diff has `pu`. Without it
            (spot), only a diff says its kind, time (`E`) and symbol.
        microseconds: clients may ask for times in microseconds.
        depth_fields: the reply to a depth request of a symbol.
        exchange_info: the reply to an `exchangeInfo` request: of a market, its symbols with their number formats, and
            the time in milliseconds.
        default_limit: levels a side in a depth reply, if the request has no `limit`.
        weight_headers: the headers that report the weight used in this minute.
    """

    symbols: SymbolRules
    number_format: NumberFormat
    symbol_fields: Callable[[str], Json]
    full_events: bool
    microseconds: bool
    depth_fields: Callable[[str, Depth], Json]
    exchange_info: Callable[[Market, Mapping[str, NumberFormat], int], Json]
    default_limit: int
    weight_headers: tuple[str, ...]

    def diff(
        self,
        symbol: str,
        time_us: int,
        ids: tuple[int, int, int],
        bids: Levels,
        asks: Levels,
        unit: int = MILLISECOND,
    ) -> bytes:
        """Encode a diff event.

        Args:
            symbol: the symbol, upper case.
            time_us: the event's time, in microseconds since the epoch.
            ids: `U`, `u`, `pu`.
            bids: levels, best first, or their JSON.
            asks: levels, best first, or their JSON.
            unit: the unit of `E`, in microseconds.
        """
        first_id, last_id, previous_id = ids
        event = self._head("depthUpdate", symbol, time_us, unit) | {"U": first_id, "u": last_id}
        if self.full_events:
            event["pu"] = previous_id
        event["b"], event["a"] = bids, asks
        # A copy: many events are kept, and the bytes that orjson returns occupy 4 kB each.
        return b"%b" % orjson.dumps(event)

    def partial(self, symbol: str, depth: Depth, ids: tuple[int, int, int]) -> bytes:
        """Encode an event of a partial-depth stream."""
        if self.full_events:
            return self.diff(symbol, depth.time_us, ids, depth.bids, depth.asks)
        return orjson.dumps({"lastUpdateId": depth.last_update_id, "bids": depth.bids, "asks": depth.asks})

    def ticker(self, symbol: str, time_us: int, update_id: int, bid: LevelText, ask: LevelText) -> bytes:
        """Encode a bookTicker event."""
        best = {"u": update_id, "s": symbol, "b": bid[0], "B": bid[1], "a": ask[0], "A": ask[1]}
        if self.full_events:
            return orjson.dumps(self._head("bookTicker", symbol, time_us, MILLISECOND) | best)
        return orjson.dumps(best)

    def depth_reply(self, symbol: str, depth: Depth) -> bytes:
        """Encode the reply to a depth request."""
        return orjson.dumps(self.depth_fields(symbol, depth))

    def _head(self, kind: str, symbol: str, time_us: int, unit: int) -> Json:
        head: Json = {"e": kind, "E": time_us // unit}
        if self.full_events:
            head["T"] = (time_us - _MATCHING_DELAY_US) // unit
        return head | self.symbol_fields(symbol)


def in_microseconds(event: Json, time_us: int) -> bytes:
    """Encode an event again, its time in microseconds."""
    return orjson.dumps(event | {"E": time_us} if "E" in event else event)


def shutdown(time_us: int, *, combined: bool, unit: int) -> bytes:
    """Encode the announcement that the server will end the connection."""
    event = {"e": "serverShutdown", "E": time_us // unit}
    return orjson.dumps({"stream": "!serverShutdown", "data": event} if combined else event)
