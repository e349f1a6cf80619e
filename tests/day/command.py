"""`python -m tests.day`: an engine follows a market for a day, all times divided by a factor.

The exchange trades as many events as a day has, ends connections after a (short) day, announces shutdowns;
the engine rotates and refreshes as often as in a day. Each event is applied; the price goes where it wants.
"""

from __future__ import annotations

import argparse
import gc
import os
import threading
import time
from dataclasses import replace
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Any

from depthactors import DepthEngine, Full, markets
from depthactors.exchange import Fault, LocalExchange
from tests.soak.checker import Checker
from tests.soak.memory import rss_mb

if TYPE_CHECKING:
    from collections.abc import Sequence

    from depthactors import BookHandle, BookView

HOUR = 3600.0
EVENTS_A_SECOND = 10.0
SHUTDOWN_NOTICE = 600.0
"""Seconds, of the day's time, from a notice to the end of its connection."""
CHECKED = 10
"""One in so many updates is compared with the truth; all of them are chained by their ids."""


class Day:
    """One run."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.symbols = [f"DAY{number}USDT" for number in range(options.symbols)]
        self._seen = dict.fromkeys(self.symbols, 0)
        self._ids: dict[str, tuple[int, int]] = {}

    def run(self) -> dict[str, Any]:
        """Run it; returns what is printed."""
        options, factor = self.options, self.options.factor
        exchange = LocalExchange.with_order_flow(
            self.symbols,
            seed=options.seed,
            rate=EVENTS_A_SECOND * factor,
            levels=options.levels,
            depth=options.book_levels,
            history=3_000,
            limits={"connection_life": 24 * HOUR / factor},
        )
        with exchange, Checker(exchange) as checker:
            # One stream a connection, of the fastest kind alone: each book has a rotation of its own.
            row = replace(markets.SPOT.at(exchange.url), max_streams=1, speeds=((100, "@depth@100ms"),))
            engine = DepthEngine(
                row,
                number=Decimal,
                refresh_interval=HOUR / 2 / factor,
                rotate_after=23 * HOUR / factor,
                silence_limit=5.0,
            )
            with engine:
                handles = [self._follow(engine, checker, symbol) for symbol in self.symbols]
                for handle in handles:
                    handle.wait_live(30.0)
                first = {handle.symbol: handle._cell.counters.applied for handle in handles}
                prices = {handle.symbol: [handle.view().mid] for handle in handles}
                rss = [rss_mb()]
                begun = time.monotonic()
                for hour in range(1, options.hours + 1):
                    threading.Event().wait(max(0.0, begun + hour * HOUR / factor - time.monotonic()))
                    if hour % 4 == 1:
                        exchange.inject(Fault("shutdown", symbol=self.symbols[0], seconds=SHUTDOWN_NOTICE / factor))
                    for handle in handles:
                        prices[handle.symbol].append(handle.view().mid or prices[handle.symbol][-1])
                        # Every level that is shown, not just the promised ones.
                        checker.seen(handle.ask(Full()), options.depth)
                    rss.append(rss_mb())
                    if options.verbose or hour % 6 == 0:
                        self._say(hour, engine, checker, rss[-1])
                seconds = time.monotonic() - begun
                status = engine.status()
                backlog = max(row.lag for row in status.books)
        gc.collect()
        counters = [row.counters for row in status.books]

        def total(name: str) -> int:
            return sum(getattr(each, name) for each in counters)

        events = total("applied") - sum(first.values())
        settled = rss[len(rss) // 4]
        return {
            "hours": f"{options.hours} in {seconds:.0f} s, {factor:g} times as fast",
            "symbols, connections": f"{len(handles)}, {len(status.sockets)}",
            "events applied": f"{events}, of {int(options.hours * HOUR * EVENTS_A_SECOND) * len(handles)} steps of "
            f"the markets; {backlog:.2f} s behind at the end",
            "updates told": sum(self._seen.values()),
            "gaps": total("gaps"),
            "faults": total("faults"),
            "resyncs": total("resyncs"),
            "rotations": sum(each.rotations for each in status.sockets),
            "handovers of books": total("handovers"),
            "shutdowns announced": exchange.strikes().get("shutdown", 0),
            "refreshes": total("refreshes"),
            "audits, differences": f"{total('audits')}, {total('audit_differences')}",
            "views compared, mismatches": f"{checker.compared}, {len(checker.mismatches)}",
            "price, lowest and highest": {symbol: f"{min(seen)} {max(seen)}" for symbol, seen in prices.items()},
            "rss, MB": f"{rss[0]:.1f} at the start, {settled:.1f} after a quarter, {max(rss):.1f} at most, "
            f"{rss[-1]:.1f} at the end",
            "_passed": not (checker.mismatches or total("gaps") or total("resyncs") or total("audit_differences"))
            and rss[-1] < 1.15 * settled + 5,
            "_mismatches": checker.mismatches[:5],
        }

    def _follow(self, engine: DepthEngine, checker: Checker, symbol: str) -> BookHandle:
        depth = self.options.depth

        def on_update(view: BookView) -> None:
            self._seen[symbol] += 1
            if self._seen[symbol] % CHECKED == 0:
                checker.published(view, depth)

        on_event = partial(print, flush=True) if self.options.verbose else None
        return engine.subscribe(symbol, depth=depth, on_update=on_update, on_event=on_event)

    @staticmethod
    def _say(hour: int, engine: DepthEngine, checker: Checker, rss: float) -> None:
        status = engine.status()
        rotations = sum(each.rotations for each in status.sockets)
        applied = sum(row.counters.applied for row in status.books)
        print(
            f"  hour {hour:2}: live {status.live}, applied {applied}, rotations {rotations}, "
            f"compared {checker.compared} (waiting {checker.waiting}), mismatches {len(checker.mismatches)}, "
            f"lag {max(row.lag for row in status.books):.2f} s, rss {rss:.1f} MB",
            flush=True,
        )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run from the command line; 0 if nothing was lost, nothing was wrong, and memory stayed flat."""
    parser = argparse.ArgumentParser(prog="python -m tests.day", description=__doc__.partition("\n")[0])
    parser.add_argument("--hours", type=int, default=24)
    parser.add_argument("--factor", type=float, default=120.0, help="how many times as fast")
    parser.add_argument("--symbols", type=int, default=2)
    parser.add_argument("--depth", type=int, default=20)
    parser.add_argument("--levels", type=float, default=4.0, help="level changes in an event")
    parser.add_argument("--book-levels", type=int, default=400, help="levels a side on the exchange")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--verbose", action="store_true", help="a line an hour")
    os.environ.pop("DEPTHACTORS_EXCHANGE", None)
    result = Day(parser.parse_args(arguments)).run()
    for name, value in result.items():
        if not name.startswith("_"):
            print(f"{name}: {value}")
    for mismatch in result["_mismatches"]:
        print(f"MISMATCH {mismatch.view!r}: {mismatch.words}")
    return 0 if result["_passed"] else 1
