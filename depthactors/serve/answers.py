"""Answers to HTTP requests: the books, one book, the state of the server."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from urllib.parse import parse_qs, unquote, urlsplit

import orjson

from depthactors.book import BookState
from depthactors.book.numerals import spelt
from depthactors.serve.stream_name import Numbers

if TYPE_CHECKING:
    from collections.abc import Callable

    from depthactors.book import BookView, Side
    from depthactors.serve.engine_books import EngineBooks
    from depthactors.sharing.listing import SharedBook

_JSON: Final = "application/json"
_DIGITS: Final = 9


class Answer(NamedTuple):
    """An answer.

    Attributes:
        status: the HTTP status.
        body: its bytes.
        kind: the media type.
        tag: the `ETag`, if it has one.
    """

    status: HTTPStatus
    body: bytes
    kind: str = _JSON
    tag: str | None = None


class Answers:
    """Answers requests from the books of one server. Thread: any."""

    def __init__(self, books: EngineBooks) -> None:
        """Answer from these books."""
        self._books = books
        self._routes: dict[str, Callable[[], Answer]] = {"books": self._listed, "healthz": self._health}

    def to(self, target: str, known_tag: str | None = None) -> Answer:
        """Return the answer to a `GET` of a path with its query; `known_tag` is the `If-None-Match` of the request."""
        parts = urlsplit(target)
        names = [unquote(each) for each in parts.path.strip("/").split("/")]
        if len(names) == 1 and names[0] in self._routes:
            return self._routes[names[0]]()
        if len(names) == 3 and names[0] == "books":
            return self._book(names[1], names[2], parts.query, known_tag)
        return _refused(HTTPStatus.NOT_FOUND, f"expected /books, /books/MARKET/SYMBOL or /healthz, was {parts.path!r}")

    def _listed(self) -> Answer:
        return _json([_row(book) | {"state": state} for book, state in self._books.listed().items()])

    def _health(self) -> Answer:
        states = list(self._books.listed().values())
        live = states.count(BookState.LIVE)
        body = {"healthy": live > 0, "books": len(states), "live": live}
        return _json(body, HTTPStatus.OK if live else HTTPStatus.SERVICE_UNAVAILABLE)

    def _book(self, market: str, symbol: str, query: str, known_tag: str | None) -> Answer:
        form = _form_of(query)
        if isinstance(form, str):
            return _refused(HTTPStatus.BAD_REQUEST, form)
        found = [
            book
            for book in self._books.listed()
            if (book.market, book.symbol) == (market, symbol.upper()) and form.speed_ms in {None, book.speed_ms}
        ]
        speeds = sorted({book.speed_ms for book in found})
        if not found:
            return _refused(HTTPStatus.NOT_FOUND, f"{symbol[:50].upper()} ({market[:50]}) is not followed; see /books")
        if len(speeds) > 1:
            words = f"expected speed_ms, since the book is followed at {' and '.join(map(str, speeds))} ms"
            return _refused(HTTPStatus.BAD_REQUEST, words)
        book = max(found, key=lambda each: each.depth)
        view, reason = self._books.view(book)
        tag = f'"{view.last_update_id}-{view.state}-{form.levels}-{form.numbers}"'
        if known_tag == tag:
            return Answer(HTTPStatus.NOT_MODIFIED, b"", tag=tag)
        shown = {
            "state": view.state,
            "reason": reason,
            "last_update_id": view.last_update_id,
            "event_time": view.event_time,
            "recv_time": view.recv_time,
            "age": view.age,
            "bids": _levels(view, "bid", form),
            "asks": _levels(view, "ask", form),
        }
        return _json(_row(book) | shown)._replace(tag=tag)


class _Form(NamedTuple):
    """What a query asks for."""

    levels: int | None
    speed_ms: int | None
    numbers: Numbers


def _form_of(query: str) -> _Form | str:
    """Return what a query asks for, or what is wrong with it."""
    given = {name: values[-1] for name, values in parse_qs(query, keep_blank_values=True).items()}
    if unknown := sorted(given.keys() - set(_Form._fields)):
        return f"expected levels, speed_ms or numbers, was {unknown[0][:50]!r}"
    for name in ("levels", "speed_ms"):
        text = given.get(name, "1")
        if not (text.isascii() and text.isdigit() and len(text) < _DIGITS and int(text)):
            return f"expected {name} as a number above 0, was {text[:50]!r}"
    numbers = given.get("numbers", Numbers.TEXT)
    if numbers not in tuple(Numbers):
        return f"expected numbers as text or float, was {numbers[:50]!r}"
    levels, speed_ms = (int(given[name]) if name in given else None for name in ("levels", "speed_ms"))
    return _Form(levels, speed_ms, Numbers(numbers))


def _row(book: SharedBook) -> dict[str, Any]:
    return {"market": book.market, "symbol": book.symbol, "speed_ms": book.speed_ms, "depth": book.depth}


def _levels(view: BookView[Any], side: Side, form: _Form) -> list[tuple[Any, Any]]:
    best = view.exact(side)[: form.levels]
    if form.numbers is Numbers.FLOAT:
        return [(float(price), float(quantity)) for price, quantity in best]
    for_price, for_quantity = view.decimals
    return [(spelt(price, for_price), spelt(quantity, for_quantity)) for price, quantity in best]


def _json(value: Any, status: HTTPStatus = HTTPStatus.OK) -> Answer:
    return Answer(status, orjson.dumps(value))


def _refused(status: HTTPStatus, words: str) -> Answer:
    return _json({"error": words}, status)
