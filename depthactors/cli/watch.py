"""`depthactors watch`: the books of an engine that runs in another process, live in the terminal."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Any, Final

from depthactors.cli.arguments import above_zero, at_least_one, market
from depthactors.cli.output import complain
from depthactors.cli.showing import show
from depthactors.cli.watched import Watched
from depthactors.errors import BookNotSharedError, EngineGoneError
from depthactors.markets import normalize_symbol
from depthactors.sharing import DepthReader

if TYPE_CHECKING:
    import argparse

    from depthactors.sharing import SharedBook

LEVELS: Final = 8
HANDFUL: Final = 6
"""Books that are shown if none is named."""
_LOOK: Final = 0.05
"""Seconds between two checks for books that are not shared yet."""


def add_parser(commands: Any) -> None:
    """Add the command to the parser."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "watch",
        help="show the books that another process shares",
        description="Show books of an engine that runs in another process of this machine and shares them by a name "
        "(DepthEngine(name=NAME)): ladders on a terminal, elsewhere one line per book and second. When the engine "
        "ends, it waits for the next engine of that name. Exit status 130 on Ctrl-C, 2 if there is no such engine or "
        "book.",
    )
    parser.add_argument("symbols", nargs="*", metavar="SYMBOL", help=f"books to show (default: the first {HANDFUL})")
    parser.add_argument("--attach", required=True, metavar="NAME", help="the engine's name")
    parser.add_argument("--market", type=market, metavar="MARKET", help="show only books of this market")
    parser.add_argument(
        "--levels", type=at_least_one, default=LEVELS, help=f"number of levels to show on each side (default {LEVELS})"
    )
    parser.add_argument(
        "--seconds", type=above_zero, default=math.inf, help="seconds until the end (default: until Ctrl-C)"
    )
    parser.add_argument(
        "--wait",
        type=above_zero,
        default=0.0,
        metavar="S",
        help="wait up to S seconds for the engine and its books (default 0)",
    )
    parser.add_argument("--list", action="store_true", help="list symbol, market, speed and depth of books, and end")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Watch, or list; returns the exit status."""
    deadline = time.monotonic() + options.wait
    symbols = [*dict.fromkeys(normalize_symbol(symbol) for symbol in options.symbols)]
    with DepthReader.wait_for_engine(options.attach, options.wait, number=None) as reader:
        books = _found(reader, symbols, options.market, deadline)
        if options.list:
            for book in books:
                print(book.symbol, book.market, f"{book.speed_ms}ms", book.depth)
            return 0
        if not symbols and len(books) > HANDFUL:
            complain(f"{HANDFUL} of {len(books)} books; --list lists them, name others")
            books = books[:HANDFUL]
        show([Watched(reader, book) for book in books], options.seconds, levels=options.levels)
    return 0


def _found(reader: DepthReader[Any], symbols: list[str], market: str | None, deadline: float) -> list[SharedBook]:
    """Wait until the books of `symbols` are shared, and return them in that order; all books if no symbol is named.

    Raises:
        BookNotSharedError: a book was not shared by the deadline, or none at all.
        EngineGoneError: the engine had ended, and was not back by the deadline.
    """
    while True:
        try:
            books = reader.books()
        except EngineGoneError:
            if time.monotonic() >= deadline:
                raise
            books = ()
        books = tuple(book for book in books if market in {None, book.market})
        found = [[book for book in books if book.symbol == symbol] for symbol in symbols] if symbols else [[*books]]
        if all(found):
            return [book for same in found for book in same]
        if time.monotonic() >= deadline:
            wanted = [symbol for symbol, same in zip(symbols, found, strict=False) if not same]
            shared = _named([*dict.fromkeys(book.symbol for book in books)]) or "none"
            of = f" of {market}" if market else ""
            msg = f"expected the engine {reader.name!r} to share {_named(wanted) or 'a book'}{of}, was {shared}"
            raise BookNotSharedError(msg)
        time.sleep(_LOOK)


def _named(symbols: list[str]) -> str:
    return ", ".join(symbols[:10]) + (", ..." if len(symbols) > 10 else "")
