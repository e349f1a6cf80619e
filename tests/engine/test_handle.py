"""What a subscriber holds: questions, views, waiting."""

import dataclasses
import gc
import pickle
import threading
import traceback
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from math import inf

import orjson
import pytest

from depthactors import BookState, BookView, DepthEngine, DepthTo, Full, Status, Top
from depthactors.errors import (
    LifecycleError,
    NotLiveError,
    UnknownSymbolError,
    UsageError,
)
from tests.support import Recorder


def test_every_question_is_answered_alike_by_ref_and_handle(engine):
    book = engine.subscribe("BTCUSDT", depth=20).wait_live(10)
    for question, levels in ((Top(5), 5), (Top(20), 20)):
        for view in (book.ask(question, timeout=5), book.ref.ask(question, timeout=5)):
            assert isinstance(view, BookView)
            assert (len(view.bids), len(view.asks)) == (levels, levels)
    full = book.ask(Full())
    assert len(full.bids) >= 20
    nearest = book.ask(DepthTo("ask", full.best_ask[0]))
    assert all(price <= full.best_ask[0] for price, _ in nearest)
    assert book.ask(Status()).state is BookState.LIVE
    with pytest.raises(UsageError, match="expected a question"):
        book.ask("what?")
    assert book.ask(Top(1)).state is BookState.LIVE, "a wrong question must not kill the actor"


def test_a_handle_may_be_asked_in_its_own_callback(engine):
    answers, books = Recorder(), {}
    ready = threading.Event()

    def on_update(view):
        if ready.wait(5) and not answers.seen:
            answers((view, books["BTCUSDT"].ask(Top(100), timeout=5), books["BTCUSDT"].view()))

    books["BTCUSDT"] = engine.subscribe("BTCUSDT", on_update=on_update)
    ready.set()
    view, asked, viewed = answers.wait_for(lambda _: True)
    # The book goes on meanwhile.
    assert view.last_update_id <= asked.last_update_id <= viewed.last_update_id


def test_a_timeout_that_is_no_number_is_refused_by_every_call_that_waits(dead_address):
    with DepthEngine() as engine:
        book = engine.subscribe("BTCUSDT")
        waits = [book.wait_live, book.updates, engine.wait_live, engine.status, engine.stop, engine.wait_stopped]
        waits += [lambda timeout: book.wait(timeout=timeout)]
        waits += [lambda timeout: book.ask(Top(1), timeout), lambda timeout: engine.unsubscribe(book, timeout)]
        for wait in waits:
            with pytest.raises(UsageError, match="expected timeout as a number of seconds, was '5'"):
                wait("5")
        assert engine.running


def test_a_timeout_may_be_infinite(exchange):
    engine = DepthEngine()
    book = engine.subscribe("BTCUSDT").wait_live(inf)
    engine.wait_live(inf)
    assert book.ask(Top(1), inf).state is BookState.LIVE
    assert engine.status(inf).live == 1
    engine.unsubscribe(book, inf)
    engine.stop(inf)
    assert engine.wait_stopped(inf)


def test_waiting_in_vain_says_why(dead_address):
    with DepthEngine() as engine:
        book = engine.subscribe("BTCUSDT")
        with pytest.raises(NotLiveError, match=r"BTCUSDT.*SYNCING"):
            book.wait_live(0.2)
        with pytest.raises(NotLiveError, match="1 of 1 books") as caught:
            engine.wait_live(0.2)
    assert str(caught.value).startswith("1 of 1 books were not live within 0.2 s: BTCUSDT; BTCUSDT was SYNCING (ws://")
    assert "".join(traceback.format_exception(caught.value)).count("Traceback") == 1


def test_a_stopped_engine_says_so_to_each_that_waits_or_asks(exchange):
    with DepthEngine() as engine:
        book = engine.subscribe("BTCUSDT").wait_live(10)
    last = book.wait()
    for call in (book.wait_live, lambda: book.ask(Top(5)), engine.wait_live, lambda: book.wait(last, 10)):
        with pytest.raises(LifecycleError, match="the engine was stopped"):
            call()


def test_a_book_that_was_given_up_raises_its_error_again_and_again(exchange):
    with DepthEngine() as engine:
        book = engine.subscribe("NOSUCHUSDT")
        lengths = []
        for _ in range(3):
            with pytest.raises(UnknownSymbolError, match="NOSUCHUSDT") as raised:
                book.wait_live(10)
            lengths.append(len(raised.traceback))
        assert len(set(lengths)) == 1, "what one caller was doing is not in the error of the next"


def test_a_thread_waits_for_another_view_than_the_one_it_has(engine):
    book = engine.subscribe("BTCUSDT").wait_live(10)
    view = book.wait()
    ids = [view.last_update_id]
    for _ in range(5):
        view = book.wait(view, timeout=10)
        ids.append(view.last_update_id)
    assert ids == sorted(set(ids))
    with pytest.raises(UsageError, match="expected a view as after, was 5"):
        book.wait(5)


def test_a_wait_in_vain_returns_the_view_that_is_there(dead_address):
    with DepthEngine() as engine:
        book = engine.subscribe("BTCUSDT")
        view = book.wait(timeout=0)
        assert view.state is BookState.SYNCING
        assert book.wait(view, timeout=0.1).state is BookState.SYNCING


def test_a_wait_ends_with_the_book(engine):
    book = engine.subscribe("BTCUSDT").wait_live(10)
    with ThreadPoolExecutor(1) as pool:
        seen = threading.Event()

        def wait():
            view = book.view()
            # On a busy machine it may be stale for a moment.
            while not view.state.over:
                seen.set()
                view = book.wait(view, timeout=10)
            return view

        waiting = pool.submit(wait)
        assert seen.wait(10)
        engine.unsubscribe(book)
        assert waiting.result(10).state is BookState.STOPPED


def test_a_loop_over_updates_has_live_views_alone_and_ends_with_the_subscription(engine):
    book, other = engine.subscribe("BTCUSDT", depth=5), engine.subscribe("BTCUSDT", depth=5)
    views = []
    for view in book.updates(timeout=10):
        views.append(view)
        if len(views) == 5:
            book.close()
    assert {view.state for view in views} == {BookState.LIVE}
    ids = [view.last_update_id for view in views]
    assert ids == sorted(set(ids))
    assert other.state is BookState.LIVE
    assert other._cell.listeners == (), "a loop that has ended hears of nothing"
    for _ in other.updates():
        engine.stop()


def test_a_loop_over_the_updates_of_a_book_that_is_over_is_refused(engine):
    book, other = engine.subscribe("BTCUSDT"), engine.subscribe("BTCUSDT")
    book.close()
    with pytest.raises(LifecycleError, match="BTCUSDT: the book is not followed any more: it was unsubscribed"):
        book.updates()
    engine.stop()
    with pytest.raises(LifecycleError, match="or the engine was stopped"):
        other.updates()


def test_a_loop_that_is_left_hears_of_nothing(engine):
    book = engine.subscribe("BTCUSDT", depth=5)
    for _ in book.updates(timeout=10):
        break
    gc.collect()
    assert book._cell.listeners == ()


def test_a_loop_over_the_updates_of_a_book_that_is_not_live_says_why(dead_address):
    with DepthEngine() as engine:
        loop = engine.subscribe("BTCUSDT").updates(timeout=0.2)
        with pytest.raises(NotLiveError, match=r"BTCUSDT: expected LIVE within 0.2 s, was SYNCING"):
            next(loop)


def test_a_loop_over_the_updates_of_a_book_that_is_given_up_raises_its_error(exchange):
    with DepthEngine() as engine, pytest.raises(UnknownSymbolError, match="NOSUCHUSDT"):
        for _ in engine.subscribe("NOSUCHUSDT").updates(timeout=10):
            pass


def test_a_loop_may_run_in_a_callback_of_its_own_book(engine):
    done = Recorder()

    def on_update(_):
        if not done.seen:
            done([view.last_update_id for view in islice(engine["BTCUSDT"].updates(), 3)])

    engine.subscribe("BTCUSDT", on_update=on_update)
    ids = done.wait_for(lambda _: True)
    assert ids == sorted(set(ids))


def test_views_pickle_and_status_is_jsonable(engine):
    book = engine.subscribe("BTCUSDT", depth=5).wait_live(10)
    view = book.view()
    assert pickle.loads(pickle.dumps(view)) == view
    assert orjson.loads(orjson.dumps(dataclasses.asdict(engine.status())))["books"][0]["symbol"] == "BTCUSDT"


def test_a_notebook_shows_a_handle_as_its_levels_and_an_engine_as_its_status(engine):
    book = engine.subscribe("BTCUSDT", depth=3).wait_live(10)
    assert book._repr_html_().count("<tr>") == 1 + 3
    assert "BTCUSDT" in engine._repr_html_()
    assert repr(engine) == "<DepthEngine spot running, 1 book>"
    engine.stop()
    assert "BTCUSDT" in book._repr_html_()
    assert (engine._repr_html_(), repr(engine)) == (None, "<DepthEngine spot not running, 0 books>")


def test_a_notebook_starts_no_engine():
    engine = DepthEngine()
    assert (engine._repr_html_(), engine.running) == (None, False)


def test_letting_go_of_a_failed_book_leaves_the_one_that_took_its_place(engine):
    failed = engine.subscribe("NOSUCHUSDT")
    with pytest.raises(UnknownSymbolError):
        failed.wait_live(10)
    again = engine.subscribe("NOSUCHUSDT")
    engine.unsubscribe(failed)
    with pytest.raises(UnknownSymbolError):
        again.wait_live(10)
    assert again.state is BookState.FAILED
