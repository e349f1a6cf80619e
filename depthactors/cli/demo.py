"""`depthactors demo`: a local exchange and three books, whose ladders are live in the terminal."""

from __future__ import annotations

import os
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from depthactors.book import BookState
from depthactors.cli.arguments import above_zero
from depthactors.cli.demo_symbol import DemoSymbol
from depthactors.cli.drawing import Drawing
from depthactors.cli.output import complain
from depthactors.cli.showing import show
from depthactors.engine.environment import EXCHANGE_VARIABLE
from depthactors.python_binance.threaded import ThreadedDepthCacheManager

if TYPE_CHECKING:
    import argparse

    from depthactors.book import BookView
    from depthactors.exchange import LocalExchange
    from depthactors.status import BookStatus

SYMBOLS: Final = ("BTCUSDT", "ETHUSDT", "BNBUSDT")
FAULTS: Final = (
    ("drop", "ETHUSDT", 50),
    ("duplicate", "ETHUSDT", 20),
    ("reorder", "BNBUSDT", 60),
    ("garbage", "BNBUSDT", 90),
)
"""Kind, symbol, and events from one time to the next."""
PICTURE: Final = (120, 24)
"""Columns and lines of the picture."""
LEVELS_COMPARED: Final = 20


def set_up(parser: argparse.ArgumentParser) -> None:
    """Describe the command, and add its options."""
    parser.description = (
        "Start a local exchange (no network is needed), follow three symbols, draw their ladders, and "
        "compare each book with the exchange's own at the end. Events of two of the symbols are lost, repeated, late "
        "or broken now and then. Exit status 1 if a book differed, 130 on Ctrl-C."
    )
    parser.add_argument("--seconds", type=above_zero, default=15.0, help="seconds until the end (default 15)")
    parser.add_argument("--seed", type=int, default=7, help="seed of the exchange's order flow (default 7)")
    parser.add_argument("--svg", type=Path, metavar="FILE", help="write the last screen into FILE, as an SVG picture")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Run the demo; returns the exit status."""
    try:
        from depthactors.exchange import Fault, LocalExchange  # noqa: PLC0415 - an extra
    except ImportError as error:
        complain(str(error))
        return 2
    interrupted, saved = False, True
    faults = [Fault(kind, symbol, every=every) for kind, symbol, every in FAULTS]
    with LocalExchange.with_order_flow(SYMBOLS, seed=options.seed, rate=10.0, faults=faults) as exchange:
        os.environ[EXCHANGE_VARIABLE] = exchange.url
        manager = ThreadedDepthCacheManager()
        manager.start()
        try:
            followed = [DemoSymbol(symbol, LEVELS_COMPARED) for symbol in SYMBOLS]
            try:
                for each in followed:
                    manager.start_depth_cache(
                        each.callback, each.symbol, limit=LEVELS_COMPARED, conv_type=Decimal, ws_interval=100
                    )
                show(followed, options.seconds, levels=LEVELS_COMPARED)
                saved = not options.svg or _save(followed, options.svg)
            except KeyboardInterrupt:
                interrupted = True
            verdicts = _summary(manager, exchange, followed)
        finally:
            manager.stop(timeout=1.5)
    if interrupted:
        # A book that was never live does not count as different.
        return 1 if False in verdicts else 130
    if not saved:
        return 2
    return 0 if all(verdicts) else 1


def _save(followed: list[DemoSymbol], path: Path) -> bool:
    """Write the ladders as an SVG picture; returns whether it could be written."""
    try:
        from depthactors.cli.picture import save  # noqa: PLC0415 - an extra

        save(Drawing(followed).ladders(*PICTURE), PICTURE[0], path, "depthactors demo")
    except (ImportError, OSError) as error:
        complain(f"expected to write a picture to {path}: {error}")
        return False
    return True


def _summary(
    manager: ThreadedDepthCacheManager, exchange: LocalExchange, followed: list[DemoSymbol]
) -> list[bool | None]:
    """Compare each book with the truth at its own update id and print the outcome; `None` where none began."""
    rows = {row.symbol: row for row in manager.status().books}
    verdicts: list[bool | None] = []
    print(f"{'symbol':<10}{'updates':>9}{'gaps':>6}{'resyncs':>9}  book")
    for each in followed:
        if each.cache is None or each.symbol not in rows:
            verdicts.append(None)
            print(f"{each.symbol:<10}{each.updates:>9}{'':>15}  had not begun")
        else:
            view = each.cache.view(LEVELS_COMPARED)
            truth = exchange.book_at(each.symbol, view.last_update_id)
            equal = (view.bids, view.asks) == (truth.bids[:LEVELS_COMPARED], truth.asks[:LEVELS_COMPARED])
            verdicts.append(equal)
            print(_line(each.updates, rows[each.symbol], view, equal=equal))
        for error in each.errors[:3]:
            print(f"{'':<10}the callback was given an error: {error}")
    strikes = ", ".join(f"{kind} {count}" for kind, count in sorted(exchange.strikes().items()))
    print(f"faults of the exchange: {strikes or 'none yet'}")
    return verdicts


def _line(updates: int, row: BookStatus, view: BookView[Any], *, equal: bool) -> str:
    """Describe a book at the end, with its last error if it is not live."""
    why = f"; {row.error}" if view.state is not BookState.LIVE and row.error else ""
    return (
        f"{row.symbol:<10}{updates:>9}{row.counters.gaps:>6}{row.counters.resyncs:>9}  "
        f"{'equal to' if equal else 'DIFFERENT from'} the exchange's at update {view.last_update_id} "
        f"({view.state}, {len(view.bids)} levels{why})"
    )
