"""`depthactors watch`: books live in the terminal, followed here, or shared by an engine of another process."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Any, Final

from depthactors.cli.arguments import above_zero, at_least_one, market, price_step
from depthactors.cli.followed import Followed, Remarks
from depthactors.cli.output import complain
from depthactors.cli.showing import draws, show
from depthactors.cli.watched import Watched
from depthactors.engine.environment import announcement
from depthactors.errors import BookNotSharedError, EngineGoneError
from depthactors.markets import lookup, normalize_symbol
from depthactors.sharing import DepthReader, running_engines

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from depthactors.sharing import SharedBook

DEPTH: Final = 50
"""Levels a side that are followed: for the weight of the smallest snapshots, and more than most screens have lines."""
HANDFUL: Final = 6
"""Books that are shown if none is named."""
_LOOK: Final = 0.05
"""Seconds between two checks for books that are not shared yet."""


def set_up(parser: argparse.ArgumentParser) -> None:
    """Describe the command, and add its options."""
    parser.description = (
        "Follow books of the exchange and show them: ladders on a terminal, elsewhere one line per book "
        "and second. With --attach, show the books of an engine that runs in another process of this machine and "
        "shares them by a name (DepthEngine(name=NAME)); when that engine ends, wait for the next one of that name. "
        "Keys: ? lists them. Exit status 130 on Ctrl-C, 1 if a book was given up, or was not live when the time was "
        "over and never before, 2 if there is no such engine or book."
    )
    parser.add_argument(
        "symbols", nargs="*", metavar="SYMBOL", help=f"books to show (with --attach the default is the first {HANDFUL})"
    )
    parser.add_argument("--attach", metavar="NAME", help="the name of an engine in another process")
    parser.add_argument(
        "--market", type=market, metavar="MARKET", help="market of the books (default spot; with --attach any)"
    )
    form = parser.add_mutually_exclusive_group()
    for name in ("json", "csv"):
        form.add_argument(
            f"--{name}", dest="form", action="store_const", const=name, help=f"write lines of {name.upper()}"
        )
    parser.add_argument(
        "--depth",
        type=at_least_one,
        metavar="N",
        help=f"number of levels a side to follow (default {DEPTH}); a ladder shows what fits, a line of "
        "JSON all of them",
    )
    parser.add_argument(
        "--group",
        type=price_step,
        metavar="STEP",
        help="put the levels of a ladder together by steps of the price, such as 0.5 or 10; coarse steps need a larger "
        "--depth, and a + marks a step that goes on beyond it",
    )
    parser.add_argument(
        "--seconds", type=above_zero, default=math.inf, help="seconds until the end (default: until Ctrl-C)"
    )
    parser.add_argument(
        "--wait",
        type=above_zero,
        metavar="S",
        help="wait up to S seconds for the engine of --attach and its books (default 0)",
    )
    parser.add_argument(
        "--list",
        action="store_true",
        help="list symbol, market, speed and depth of the books of --attach, or the names of all engines, and end",
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Watch, or list; returns the exit status."""
    if options.group is not None and not draws(options.form):
        complain("expected --group for ladders, which are drawn on a terminal alone, was output as lines")
        return 2
    if options.attach is not None:
        return _attach(options)
    if options.wait is not None:
        complain("expected --attach NAME beside --wait, which waits for that engine and its books, was none")
        return 2
    if options.list:
        return _list_engines(options.symbols)
    if not options.symbols:
        complain("expected a symbol to follow, or --attach NAME; --list lists the engines of this machine")
        return 2
    return _follow(options)


def _list_engines(symbols: list[str]) -> int:
    if symbols:
        complain("expected --attach NAME beside --list and a symbol: without it --list has the names of engines")
        return 2
    names = running_engines()
    for name in names:
        print(name)
    if not names:
        complain("no engine on this machine shares books with you; DepthEngine(name=NAME) does")
    return 0


def _follow(options: argparse.Namespace) -> int:
    """Follow books and show them, until all of them are given up."""
    from depthactors.engine.depth_engine import DepthEngine  # noqa: PLC0415 - the books of another process need none

    market = lookup(options.market or "spot")
    depth = options.depth or min(DEPTH, market.max_depth)
    with DepthEngine(market) as engine:
        books = [Followed(handle) for handle in engine.subscribe_many(_symbols(options), depth=depth)]
        # On a terminal the line at the bottom says it.
        if (where := announcement()) and not draws(options.form):
            complain(where)
        has_quit = show(
            books,
            options.seconds,
            levels=depth,
            form=options.form,
            step=options.group,
            remarks=Remarks(engine, books).latest,
            is_over=lambda: all(book.is_given_up for book in books),
        )
        # The log has said why.
        given_up = any(book.is_given_up for book in books)
        return int(given_up or (not has_quit and _complain_of_never_live(books, options.seconds)))


def _attach(options: argparse.Namespace) -> int:
    wait = options.wait or 0.0
    deadline = time.monotonic() + wait
    symbols = _symbols(options)
    with DepthReader.wait_for_engine(options.attach, wait, number=None) as reader:
        found = _found(reader, symbols, options.market, deadline)
        if options.list:
            for book in found:
                print(book.symbol, book.market, f"{book.speed_ms}ms", book.depth)
            return 0
        if not symbols and len(found) > HANDFUL:
            complain(f"{HANDFUL} of {len(found)} books; --list lists them, name others")
            found = found[:HANDFUL]
        books = [Watched(reader, book) for book in found]
        depth = options.depth or DEPTH
        has_quit = show(books, options.seconds, levels=depth, form=options.form, step=options.group)
        return int(not has_quit and _complain_of_never_live(books, options.seconds))


def _complain_of_never_live(books: Sequence[Followed | Watched], seconds: float) -> bool:
    """Say which books there was nothing to see of; returns whether there was such a book."""
    never = [book for book in books if not book.was_live]
    if never:
        why = f": {never[0].why}" if never[0].why else ""
        named = _named([book.symbol for book in never])
        complain(f"{len(never)} of {len(books)} books were never live in {seconds:g} s, {named}{why}")
    return bool(never)


def _symbols(options: argparse.Namespace) -> list[str]:
    return [*dict.fromkeys(normalize_symbol(symbol) for symbol in options.symbols)]


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
