"""The options of the commands that start a local exchange, and the exchange that they describe."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any, Final

from depthactors import markets
from depthactors.cli.arguments import HELP, Listed, above_zero, checked, market
from depthactors.errors import UsageError
from depthactors.exchange.catalogue import PRECEDENCE
from depthactors.exchange.fault import KINDS, Fault, Place
from depthactors.exchange.limits import MEANINGS, Limits
from depthactors.exchange.shapes.invented_symbols import invent
from depthactors.markets import MARKETS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from depthactors.exchange import LocalExchange

HISTORY: Final = 1_000
"""Events of each symbol that are kept; the commands ask for no older ones."""

NAMED: Final = 5
"""Symbols that are listed by name."""


def add_options(parser: argparse.ArgumentParser, *, port: int) -> None:
    """Add the options; `port` is the default one."""
    add = parser.add_argument
    add(
        "--market",
        action="append",
        type=market,
        metavar="MARKET",
        help=f"serve this market only; may be repeated: {', '.join(MARKETS)} (default: spot, usdm, coinm and "
        "options, or the recording's market)",
    )
    add(
        "--symbols",
        metavar="N|A,B",
        help="serve only the symbols A and B, or only the N best-known pairs (default: any pair of well-known assets, "
        "from the first request for it; another name is an invalid symbol)",
    )
    add("--also", metavar="A,B", help="serve the symbols A and B, too, beside the pairs of well-known assets")
    add("--rate", type=above_zero, default=10.0, help="events per second of each symbol (default 10)")
    add("--levels", type=above_zero, default=20.0, help="level changes in an event, on average (default 20)")
    add("--depth", type=int, default=1_000, help="approximate number of levels on each side of a book (default 1000)")
    add("--seed", type=int, default=0, help="seed of the order flow (default 0)")
    add("--repeat", type=int, metavar="EVENTS", help="make EVENTS events beforehand and repeat them: for high loads")
    add("--recording", nargs="+", metavar="FILE", help="serve recordings instead of an order flow")
    add(
        "--speed",
        type=above_zero,
        help="speed of the recordings; 1: as recorded (default: as fast as the clients read)",
    )
    add("--loop", action="store_true", help="begin the recordings again at their end")
    add("--port", type=int, default=port, help=f"TCP port to listen on (default {port or 'any free one'})")
    add(
        "--fault",
        action=Listed,
        lines=_faults,
        type=_fault,
        default=[],
        metavar="KIND[:NAME=VALUE,...]",
        help="misbehave, e.g. drop:symbol=BTCUSDT,every=50 or 429:chance=0.1,seed=3; names: symbol, at, every, count, "
        "chance, seed, seconds, levels, side, above; may be repeated; 'help' lists the kinds",
    )
    add(
        "--limit",
        action=Listed,
        lines=_limits,
        type=_limit,
        default=[],
        metavar="NAME=VALUE",
        help="change a limit, e.g. ping_interval=1; may be repeated; 'help' lists them",
    )


def open_exchange(options: argparse.Namespace) -> LocalExchange:
    """Build the exchange that the options describe and start it.

    Raises:
        UsageError: values that do not go together, a port that is taken, or the extra is not installed.
        RecordingError: a recording that cannot be served.
    """
    try:
        from depthactors.exchange import LocalExchange  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise UsageError(str(error)) from None
    common = {"port": options.port, "faults": options.fault, "limits": dict(options.limit)}
    if options.recording:
        exchange = LocalExchange.from_recording(options.recording, **_recording_options(options), **common)
    else:
        exchange = LocalExchange.with_order_flow(**_order_flow_options(options), **common)
    try:
        return exchange.start()
    except OSError as error:
        msg = f"expected a port to listen on, was {options.port}: {error}"
        raise UsageError(msg) from None


def _recording_options(options: argparse.Namespace) -> dict[str, Any]:
    if options.symbols or options.also or len(options.market or ()) > 1:
        msg = "expected --recording with one --market at most, and without --symbols and --also: it has its symbol"
        raise UsageError(msg)
    return {
        "speed": options.speed,
        "market": options.market[0] if options.market else None,
        "loop": options.loop,
    }


def _order_flow_options(options: argparse.Namespace) -> dict[str, Any]:
    if options.speed is not None or options.loop:
        msg = "expected --speed and --loop with --recording only"
        raise UsageError(msg)
    if options.symbols is not None and options.also is not None:
        msg = "expected --symbols, which are served alone, or --also, which are served beside others, were both"
        raise UsageError(msg)
    return {
        "symbols": None if options.symbols is None else _symbols(options.symbols, options.market),
        "market": options.market,
        "also": options.also.split(",") if options.also is not None else (),
        "seed": options.seed,
        "rate": options.rate,
        "levels": options.levels,
        "depth": options.depth,
        "repeat": options.repeat,
        "history": HISTORY,
    }


def described(exchange: LocalExchange) -> str:
    """Say what is served."""
    names, symbols = [row.name for row in exchange.markets], exchange.symbols
    more = f" and {len(symbols) - NAMED} more" if len(symbols) > NAMED else ""
    listed = f"{', '.join(symbols[:NAMED])}{more}"
    if exchange.has_table:
        return f"{', '.join(names)}: any pair of well-known assets ({listed})"
    return f"{', '.join(names)}: {listed}"


def _symbols(text: str, market: list[str] | None) -> list[str]:
    if text.lstrip("-").isdigit():
        return invent(markets.lookup(market[0] if market else "spot"), int(text))
    return text.split(",")


def _fault(text: str) -> Fault | str:
    return HELP if text == HELP else checked(Fault.parse, text)


def _faults() -> Iterable[str]:
    for place in Place:
        yield f"At {place.value}:"
        yield from (f"  {kind:<20}{effect}" for kind, (where, effect) in KINDS.items() if where is place)


def _limit(text: str) -> tuple[str, float] | str:
    if text == HELP:
        return HELP
    name, mark, value = text.partition("=")
    if not mark:
        msg = f"expected NAME=VALUE, was {text!r}"
        raise argparse.ArgumentTypeError(msg)
    return name, above_zero(value)


def _limits() -> Iterable[str]:
    yield f"  {'':<20}{' '.join(f'{row.name:>8}' for row in PRECEDENCE)}"
    for name, meaning in MEANINGS.items():
        values = " ".join(f"{getattr(Limits.of(row), name):>8g}" for row in PRECEDENCE)
        yield f"  {name:<20}{values}  {meaning}"
