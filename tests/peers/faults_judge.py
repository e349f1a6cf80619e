"""Judge what a callback was given: right or wrong, how soon again, how late. No process and no clock here."""

from decimal import Decimal, InvalidOperation
from itertools import pairwise
from typing import NamedTuple

from peer_client import LEVELS

from depthactors.errors import UsageError

BOOK, ERROR, END, RAISED = "book", "error", "none", "raised"


class Sighting(NamedTuple):
    """One call of the callback.

    Attributes:
        t: seconds since the epoch.
        kind: `BOOK`, `ERROR`, `END` for `None`, or `RAISED` for a call that failed on purpose.
        update_id: of the book, as the client has it.
        right: whether the book is the true one of that id.
        crossed: whether its best bid is not below its best ask.
        lag: seconds since the event of that id; `None` for no event.
        bids: best first.
        asks: the same.
        error: type of the error.
        text: of the error.
    """

    t: float
    kind: str
    update_id: int | None = None
    right: bool = False
    crossed: bool = False
    lag: float | None = None
    bids: tuple = ()
    asks: tuple = ()
    error: str = ""
    text: str = ""


class Watch(NamedTuple):
    """When a client was watched: from the trouble, at which the exchange had sent `last_id`, to the end."""

    begun: float
    ended: float
    last_id: int


class Verdict(NamedTuple):
    """What came of one client in one trouble, counted from its beginning unless told otherwise.

    Attributes:
        seconds: watched.
        errors: how often each type was told, in the order of the first time.
        ends: times that the callback got `None`.
        books: that it was given.
        wrong: of them, not the true ones of their ids.
        crossed: of them, with a best bid that is not below the best ask.
        never_true: of the wrong ones, those that the exchange had at no other id either.
        books_before: in the calm before.
        wrong_before: of them.
        recovery: seconds to the first right book that is newer than the trouble; `None` for never.
        longest_gap: most seconds without a right book.
        silence: seconds without any book at the end.
        gap_at_end: seconds without a right book at the end.
        worst_lag: most seconds that a book was behind the exchange.
    """

    seconds: float
    errors: dict[str, int]
    ends: int
    books: int
    wrong: int
    crossed: int
    never_true: int
    books_before: int
    wrong_before: int
    recovery: float | None
    longest_gap: float
    silence: float
    gap_at_end: float
    worst_lag: float


def sighting(line, book_at, times):
    """Judge a line of a client; `None` for one that tells of no callback.

    `book_at` gives the truth of an update id, `times` when each one was reached.
    """
    match line:
        case {"t": t, "update_id": update_id, "bids": bids, "asks": asks}:
            book = _side(bids), _side(asks)
            crossed = bool(book[0] and book[1]) and book[0][0][0] >= book[1][0][0]
            lag = t - times[update_id] if update_id in times else None
            return Sighting(t, BOOK, update_id, true_book(book_at, update_id) == book, crossed, lag, *book)
        case {"t": t, "error": error, "m": text}:
            return Sighting(t, ERROR, error=str(error), text=str(text))
        case {"t": t, "none": _}:
            return Sighting(t, END)
        case {"t": t, "raised": _}:
            return Sighting(t, RAISED)
    return None


def calm_since(sightings):
    """Return the time of the first of the right books that all came since the last of anything else, or `None`."""
    since = None
    for each in reversed(sightings):
        if not each.right:
            break
        since = each.t
    return since


def verdict(sightings, watch, book_at, times):
    """Sum up what a client was given."""
    after = [each for each in sightings if watch.begun <= each.t <= watch.ended]
    books = [each for each in after if each.kind == BOOK]
    before = [each for each in sightings if each.kind == BOOK and each.t < watch.begun]
    right = [each.t for each in books if each.right]
    newer = [each.t for each in books if each.right and each.update_id > watch.last_id]
    wrong = [each for each in books if not each.right]
    errors = {}
    for each in after:
        if each.kind == ERROR:
            errors[each.error] = errors.get(each.error, 0) + 1
    return Verdict(
        seconds=watch.ended - watch.begun,
        errors=errors,
        ends=sum(each.kind == END for each in after),
        books=len(books),
        wrong=len(wrong),
        crossed=sum(each.crossed for each in books),
        never_true=_count_never_true(wrong, book_at, times),
        books_before=len(before),
        wrong_before=sum(not each.right for each in before),
        recovery=newer[0] - watch.begun if newer else None,
        longest_gap=max(late - early for early, late in pairwise([watch.begun, *right, watch.ended])),
        silence=watch.ended - max((each.t for each in books), default=watch.begun),
        gap_at_end=watch.ended - max(right, default=watch.begun),
        worst_lag=max((each.lag for each in books if each.lag is not None), default=0.0),
    )


def _count_never_true(wrong, book_at, times):
    if not wrong:
        return 0
    had = {true_book(book_at, update_id) for update_id in sorted(times)}
    return sum((each.bids, each.asks) not in had for each in wrong)


def true_book(book_at, update_id):
    """Return the true best bids and asks of an update id; `None` for an id that no event has."""
    try:
        truth = book_at(update_id)
    except (UsageError, TypeError):
        return None
    return truth.bids[:LEVELS], truth.asks[:LEVELS]


def _side(levels):
    return tuple((_number(price), _number(quantity)) for price, quantity in levels)


def _number(text):
    try:
        return Decimal(text)
    except InvalidOperation:
        return text
