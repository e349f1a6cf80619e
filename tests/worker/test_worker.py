"""What a worker process does with what it is told, most of it in a thread of this process."""

import sys
import threading
from dataclasses import replace

import pykka

from depthactors import Best, BookState, Top
from depthactors.errors import CallbackError, SharingError, UnknownSymbolError
from depthactors.shards.messages import (
    AddCallback,
    Answer,
    Changed,
    Close,
    DropCallback,
    Failed,
    Question,
    Refused,
    StatusWanted,
    TellUpdates,
    Updated,
)
from depthactors.sharing.record import reason, shown_state
from depthactors.worker import worker as module
from tests.shards.shard_support import PATIENCE, FollowedBook, Rounds, spec_of, worker_in_thread
from tests.support import until

OVER = {BookState.STOPPED, BookState.FAILED}
SYMBOLS = ["BTCUSDT", "ETHUSDT", "BNBUSDT"]


def test_a_book_whose_slot_is_gone_is_refused_alone(worker, folder, market):
    good, gone = FollowedBook(folder, spec_of(market), 1), FollowedBook(folder, spec_of(market, "ETHUSDT"), 2)
    worker.open(replace(gone.opening(), place="book-999@0"), good.opening())
    refusal = worker.wait(Refused)
    assert (refusal.number, refusal.place, type(refusal.error)) == (2, "book-999@0", SharingError)
    worker.wait_changed(Changed, 1, BookState.LIVE)
    assert good.cell.view(5, float).state is BookState.LIVE


def test_a_callback_whose_module_raises_is_refused_and_its_book_goes_on(worker, folder, market, tmp_path, monkeypatch):
    (tmp_path / "raises_when_imported.py").write_text("raise ValueError('not today')\n")
    monkeypatch.syspath_prepend(tmp_path)
    book = FollowedBook(folder, spec_of(market))
    bad = AddCallback(1, 1, b"craises_when_imported\non_update\n.", 5)
    worker.open(book.opening(callbacks=[bad]))
    refusal = worker.wait(Refused)
    assert (refusal.number, refusal.place, type(refusal.error)) == (1, None, CallbackError)
    assert "ValueError: not today" in str(refusal.error)
    worker.wait_changed(Changed, 1, BookState.LIVE)
    worker.line.send(replace(bad, serial=2))
    worker.told.wait_for(lambda _each: sum(isinstance(each, Refused) for each in worker.told.seen) == 2)
    assert worker.ask(lambda request: Question(request, 1, Best())).value.state is BookState.LIVE


def test_a_callback_that_is_named_again_when_the_book_is_deepened_is_one_callback(
    worker, folder, market, tmp_path, monkeypatch
):
    (tmp_path / "keeps_views.py").write_text("seen = []\ndef on_update(view):\n    seen.append(view.last_update_id)\n")
    monkeypatch.syspath_prepend(tmp_path)
    callback = AddCallback(1, 1, b"ckeeps_views\non_update\n.", 5)
    worker.open(FollowedBook(folder, spec_of(market)).opening(told=True, callbacks=[callback]))
    worker.wait_changed(Changed, 1, BookState.LIVE)
    deeper = FollowedBook(folder, spec_of(market, depth=50))
    worker.open(deeper.opening(told=True, callbacks=[callback]))
    assert worker.ask(lambda request: DropCallback(request, 1, 1)).error is None
    seen = sys.modules["keeps_views"].seen
    calls = len(seen)
    assert calls > 0
    updates = sum(isinstance(each, Updated) for each in worker.told.seen)
    worker.told.wait_for(
        lambda _each: sum(isinstance(each, Updated) for each in worker.told.seen) > updates + 5,
    )
    assert len(seen) == calls
    assert deeper.cell.view(50, float).state is BookState.LIVE


def test_it_follows_answers_tells_and_closes(worker, folder, market, exchange):
    books = [FollowedBook(folder, spec_of(market, symbol), number) for number, symbol in enumerate(SYMBOLS)]
    worker.open(*(book.opening(told=book is books[0]) for book in books))
    for book in books:
        worker.wait_changed(Changed, book.cell.number, BookState.LIVE)
        view = worker.ask(lambda request, book=book: Question(request, book.cell.number, Top(5))).value
        truth = exchange.book_at(view.symbol, view.last_update_id)
        assert view.bids == tuple((float(price), float(quantity)) for price, quantity in truth.bids[:5])
    worker.wait(Updated)
    assert {number for each in worker.told.seen if isinstance(each, Updated) for number in each.numbers} == {0}
    status = worker.ask(lambda request: StatusWanted(request, PATIENCE)).value
    assert [row.symbol for row in status.books] == SYMBOLS
    assert all(row.name.startswith("worker-1-") for row in (*status.sockets, *status.pools))

    closed = books[1]
    assert worker.ask(lambda request: Close(request, 1, PATIENCE)).value is True
    before = closed.cell._reader.read()
    gone = worker.ask(lambda request: Question(request, 1, Best()))
    assert isinstance(gone.error, pykka.ActorDeadError)
    assert worker.ask(lambda request: Close(request, 1, PATIENCE)).value is True, "it keeps it no longer"
    last = books[0].cell.view(5, float).last_update_id
    worker.wait(Updated, lambda _each: books[0].cell.view(5, float).last_update_id > last)
    assert closed.cell._reader.read() == before, "nobody writes to its slot any more"
    # The same book anew, in another slot.
    again = FollowedBook(folder, spec_of(market, SYMBOLS[1]), 9)
    worker.open(again.opening())
    worker.wait_changed(Changed, 9, BookState.LIVE)
    assert again.cell.view(5, float).state is BookState.LIVE


def test_a_book_whose_callback_does_not_return_is_said_to_be_kept_and_is_stale(
    worker, folder, market, tmp_path, monkeypatch
):
    (tmp_path / "never_returns.py").write_text(
        "import threading\nentered, go_on = threading.Event(), threading.Event()\n"
        "def on_update(view):\n    entered.set()\n    go_on.wait()\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    book = FollowedBook(folder, spec_of(market))
    worker.open(book.opening(callbacks=[AddCallback(1, 1, b"cnever_returns\non_update\n.", 5)]))
    worker.wait_changed(Changed, 1, BookState.LIVE)
    callback = sys.modules["never_returns"]
    try:
        assert callback.entered.wait(PATIENCE)
        assert worker.ask(lambda request: Close(request, 1, 0.01)).value is False
        assert book.cell.view(5, float).state is BookState.STALE
    finally:
        callback.go_on.set()


def test_an_unknown_symbol_fails_with_an_error_that_arrives(worker, folder, market):
    book = FollowedBook(folder, spec_of(market, "NOSUCHUSDT"))
    worker.open(book.opening())
    change = worker.wait_changed(Changed, 1, BookState.FAILED)
    assert isinstance(change.event.error, UnknownSymbolError)
    record = book.cell._reader.read()[1]
    assert shown_state(record) is BookState.SYNCING, "that it is over is for the engine's process to say"
    assert "NOSUCHUSDT" in reason(record)


def test_an_order_that_cannot_be_understood_is_an_error_of_the_worker(worker):
    worker.line.send("make me a sandwich")
    assert "expected an order for a worker" in str(worker.wait(Failed).error)


def test_errors_that_cannot_be_sent_are_sent_as_words(worker, folder, market):
    class LocalError(Exception):
        pass

    assert str(module._portable(LocalError("only here"))) == "LocalError: only here"
    error = UnknownSymbolError("NOSUCH")
    assert module._portable(error) is error


def test_an_order_that_nobody_foresaw_ends_the_worker_which_says_why_and_its_books_are_stale(worker, folder, market):
    book = FollowedBook(folder, spec_of(market))
    worker.open(book.opening())
    worker.wait_changed(Changed, 1, BookState.LIVE)
    worker.open(None)
    assert "AttributeError" in str(worker.wait(Failed).error)
    worker.ended()
    assert shown_state(book.cell._reader.read()[1]) is BookState.STALE
    assert not [each for each in worker.told.seen if isinstance(each, Changed) and each.event.state in OVER]


def test_the_death_of_the_supervisor_there_is_the_end_of_the_worker_and_not_of_its_books(worker, folder, market):
    book = FollowedBook(folder, spec_of(market))
    worker.open(book.opening())
    worker.wait_changed(Changed, 1, BookState.LIVE)
    worker.worker._runtime._supervisor.tell("poison")
    worker.ended()
    assert shown_state(book.cell._reader.read()[1]) is BookState.STALE
    assert not [each for each in worker.told.seen if isinstance(each, Changed) and each.event.state in OVER]


def test_an_engine_that_takes_nothing_for_long_is_waited_for(worker, folder, market):
    books = [FollowedBook(folder, spec_of(market, symbol), number) for number, symbol in enumerate(SYMBOLS)]
    worker.open(*(book.opening(told=True) for book in books))
    for book in books:
        worker.wait_changed(Changed, book.cell.number, BookState.LIVE)
    with worker.stopped():
        rounds = Rounds(worker.worker._line, 20)
        for number in range(5000):
            worker.worker._outbox.put(Answer(10_000 + number, b"." * 1000))
        assert rounds.enough.wait(PATIENCE), "the pipe is full"
        for book in books:
            before = book.cell.latest_id()
            until(lambda book=book, before=before: book.cell.latest_id() > before)
    worker.wait(Answer, lambda each: each.request == 14_999)
    assert worker.ask(lambda request: Question(request, 1, Best())).value.state is BookState.LIVE


def test_a_book_that_is_given_another_slot_fills_that_one(worker, folder, market):
    former, other = FollowedBook(folder, spec_of(market)), FollowedBook(folder, spec_of(market))
    worker.open(former.opening())
    worker.wait_changed(Changed, 1, BookState.LIVE)
    worker.open(other.opening(told=True))
    worker.wait(Updated)
    assert other.cell.view(5, float).state is BookState.LIVE
    left = former.cell.latest_id()
    until(lambda: other.cell.latest_id() > left)
    assert former.cell.latest_id() == left


def test_a_book_that_was_given_up_is_not_followed_deeper(worker, folder, market):
    book = FollowedBook(folder, spec_of(market, "NOSUCHUSDT"))
    worker.open(book.opening())
    worker.wait_changed(Changed, 1, BookState.FAILED)
    deeper = FollowedBook(folder, spec_of(market, "NOSUCHUSDT", depth=50))
    worker.open(deeper.opening())
    refusal = worker.wait(Refused)
    assert (refusal.number, refusal.place, type(refusal.error)) == (1, deeper.place, UnknownSymbolError)


def test_a_worker_whose_engine_is_gone_ends_though_a_fork_holds_the_line_open(worker, monkeypatch):
    monkeypatch.setattr(module, "_LOOK", 0.01)
    monkeypatch.setattr(worker.worker, "_parent", -1)
    worker.worker._orders.put(TellUpdates(99))
    worker.ended()


def test_with_the_line_everything_ends(exchange, folder, market):
    with worker_in_thread(folder) as end:
        end.open(FollowedBook(folder, spec_of(market)).opening())
        end.wait_changed(Changed, 1, BookState.LIVE)
    left = [thread.name for thread in threading.enumerate() if "steward" in thread.name or "outbox" in thread.name]
    assert left == []
