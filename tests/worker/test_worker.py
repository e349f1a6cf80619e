"""A worker process and its orders, in a thread of this process for the most part."""

import threading
from dataclasses import replace

import pykka

from depthactors import Best, BookState, Top
from depthactors.errors import SharingError, UnknownSymbolError
from depthactors.shards.messages import (
    Answer,
    BookChanged,
    BookQuestion,
    BookRefused,
    BooksUpdated,
    ErrorReport,
    ReportStatus,
    Unfollow,
)
from depthactors.sharing.record import reason, shown_state
from tests.shards.shard_support import PATIENCE, FollowedBook, Rounds, spec_of, worker_in_thread
from tests.support import until

OVER = {BookState.STOPPED, BookState.FAILED}
SYMBOLS = ["BTCUSDT", "ETHUSDT", "BNBUSDT"]


def test_a_book_whose_slot_is_gone_is_refused_alone(worker, folder, market):
    good, gone = FollowedBook(folder, spec_of(market), 1), FollowedBook(folder, spec_of(market, "ETHUSDT"), 2)
    worker.open(replace(gone.opening(), place="book-999@0"), good.opening())
    refusal = worker.wait(BookRefused)
    assert (refusal.book_id, refusal.place, type(refusal.error)) == (2, "book-999@0", SharingError)
    worker.wait_changed(BookChanged, 1, BookState.LIVE)
    assert good.cell.view(5, float).state is BookState.LIVE


def test_it_follows_answers_reports_and_closes(worker, folder, market, exchange):
    books = [FollowedBook(folder, spec_of(market, symbol), number) for number, symbol in enumerate(SYMBOLS)]
    worker.open(*(book.opening(told=book is books[0]) for book in books))
    for book in books:
        worker.wait_changed(BookChanged, book.cell.book_id, BookState.LIVE)
        view = worker.ask(lambda request, book=book: BookQuestion(request, book.cell.book_id, Top(5))).value
        truth = exchange.book_at(view.symbol, view.last_update_id)
        assert view.bids == tuple((float(price), float(quantity)) for price, quantity in truth.bids[:5])
    worker.wait(BooksUpdated)
    assert {book_id for each in worker.told.seen if isinstance(each, BooksUpdated) for book_id in each.book_ids} == {0}
    status = worker.ask(lambda request: ReportStatus(request, PATIENCE)).value
    assert [row.symbol for row in status.books] == SYMBOLS
    assert all(row.name.startswith("worker-1-") for row in (*status.sockets, *status.pools))

    closed = books[1]
    assert worker.ask(lambda request: Unfollow(request, 1)).error is None
    before = closed.cell._reader.read()
    gone = worker.ask(lambda request: BookQuestion(request, 1, Best()))
    assert isinstance(gone.error, pykka.ActorDeadError)
    assert worker.ask(lambda request: Unfollow(request, 1)).error is None, "it keeps it no longer"
    last = books[0].cell.view(5, float).last_update_id
    worker.wait(BooksUpdated, lambda _each: books[0].cell.view(5, float).last_update_id > last)
    assert closed.cell._reader.read() == before, "nobody writes to its slot any more"
    # The same book anew, in another slot.
    again = FollowedBook(folder, spec_of(market, SYMBOLS[1]), 9)
    worker.open(again.opening())
    worker.wait_changed(BookChanged, 9, BookState.LIVE)
    assert again.cell.view(5, float).state is BookState.LIVE


def test_an_unknown_symbol_fails_with_an_error_that_arrives(worker, folder, market):
    book = FollowedBook(folder, spec_of(market, "NOSUCHUSDT"))
    worker.open(book.opening())
    change = worker.wait_changed(BookChanged, 1, BookState.FAILED)
    assert isinstance(change.event.error, UnknownSymbolError)
    record = book.cell._reader.read()[1]
    assert shown_state(record) is BookState.SYNCING, "that it is over is for the engine's process to say"
    assert "NOSUCHUSDT" in reason(record)


def test_an_order_that_cannot_be_understood_is_an_error_of_the_worker(worker):
    worker.line.send("make me a sandwich")
    assert "expected an order for a worker" in str(worker.wait(ErrorReport).error)


def test_an_order_that_raises_ends_the_worker_which_reports_why_and_its_books_are_stale(worker, folder, market):
    book = FollowedBook(folder, spec_of(market))
    worker.open(book.opening())
    worker.wait_changed(BookChanged, 1, BookState.LIVE)
    worker.open(None)
    assert "AttributeError" in str(worker.wait(ErrorReport).error)
    worker.ended()
    assert shown_state(book.cell._reader.read()[1]) is BookState.STALE
    assert not [each for each in worker.told.seen if isinstance(each, BookChanged) and each.event.state in OVER]


def test_the_death_of_the_supervisor_there_is_the_end_of_the_worker_and_not_of_its_books(worker, folder, market):
    book = FollowedBook(folder, spec_of(market))
    worker.open(book.opening())
    worker.wait_changed(BookChanged, 1, BookState.LIVE)
    worker.worker._engine._runtime._supervisor.tell("poison")
    worker.ended()
    assert shown_state(book.cell._reader.read()[1]) is BookState.STALE
    assert not [each for each in worker.told.seen if isinstance(each, BookChanged) and each.event.state in OVER]


def test_an_engine_that_reads_nothing_for_long_is_waited_for(worker, folder, market):
    books = [FollowedBook(folder, spec_of(market, symbol), number) for number, symbol in enumerate(SYMBOLS)]
    worker.open(*(book.opening(told=True) for book in books))
    for book in books:
        worker.wait_changed(BookChanged, book.cell.book_id, BookState.LIVE)
    with worker.stopped():
        rounds = Rounds(worker.worker._channel, 20)
        for number in range(5000):
            worker.worker._outbox.put(Answer(10_000 + number, b"." * 1000))
        assert rounds.enough.wait(PATIENCE), "the pipe is full"
        for book in books:
            before = book.cell.view(1, float).last_update_id
            until(lambda book=book, before=before: book.cell.view(1, float).last_update_id > before)
    worker.wait(Answer, lambda each: each.request_id == 14_999)
    assert worker.ask(lambda request: BookQuestion(request, 1, Best())).value.state is BookState.LIVE


def test_a_book_that_is_given_another_slot_fills_that_one(worker, folder, market):
    former, other = FollowedBook(folder, spec_of(market)), FollowedBook(folder, spec_of(market))
    worker.open(former.opening())
    worker.wait_changed(BookChanged, 1, BookState.LIVE)
    worker.open(other.opening(told=True))
    worker.wait(BooksUpdated)
    assert other.cell.view(5, float).state is BookState.LIVE
    left = former.cell.view(1, float).last_update_id
    until(lambda: other.cell.view(1, float).last_update_id > left)
    assert former.cell.view(1, float).last_update_id == left


def test_a_book_that_was_given_up_is_not_followed_deeper(worker, folder, market):
    book = FollowedBook(folder, spec_of(market, "NOSUCHUSDT"))
    worker.open(book.opening())
    worker.wait_changed(BookChanged, 1, BookState.FAILED)
    deeper = FollowedBook(folder, spec_of(market, "NOSUCHUSDT", depth=50))
    worker.open(deeper.opening())
    refusal = worker.wait(BookRefused)
    assert (refusal.book_id, refusal.place, type(refusal.error)) == (1, deeper.place, UnknownSymbolError)


def test_a_worker_whose_engine_is_gone_ends_though_a_fork_holds_the_channel_open(worker, monkeypatch):
    monkeypatch.setattr(worker.worker._watch, "_parent", -1)
    worker.ended()


def test_with_the_channel_everything_ends(exchange, folder, market):
    with worker_in_thread(folder) as end:
        end.open(FollowedBook(folder, spec_of(market)).opening())
        end.wait_changed(BookChanged, 1, BookState.LIVE)
    left = [thread.name for thread in threading.enumerate() if "orders" in thread.name or "outbox" in thread.name]
    assert left == []
