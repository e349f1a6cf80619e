"""An engine whose books other processes read: they see what its own users see, and its end."""

import os
import shutil
import subprocess
import sys
import threading
from contextlib import ExitStack
from decimal import Decimal
from itertools import count

import pytest

from depthactors import BookState, DepthEngine, DepthReader
from depthactors.actors.book import BookActor
from depthactors.actors.supervisor import Supervisor
from depthactors.errors import EngineGoneError, LifecycleError, NotLiveError, SharingError, UsageError
from depthactors.exchange import LocalExchange
from depthactors.sharing import EngineFolder, folder
from depthactors.sharing.place import folder_of
from tests.support import Recorder, table, until

LIVE, STALE, STOPPED = BookState.LIVE, BookState.STALE, BookState.STOPPED
_numbers = count()


@pytest.fixture
def name():
    name = f"test-engine-{os.getpid()}-{next(_numbers)}"
    yield name
    left = folder_of(name).exists()
    shutil.rmtree(folder_of(name), ignore_errors=True)
    assert not left, "an engine that ended leaves nothing"


@pytest.fixture
def shared(exchange, name, set_timing):
    set_timing(lag_limit=0.3)
    with DepthEngine(name=name, refresh_interval=None) as engine:
        yield engine


@pytest.fixture
def reader(shared, name):
    with DepthReader(name) as reader:
        yield reader


def check(view, exchange, depth, number):
    truth = exchange.book_at(view.symbol, view.last_update_id, levels=depth)
    for ours, theirs in ((view.bids, truth.bids), (view.asks, truth.asks)):
        assert ours == tuple((number(price), number(size)) for price, size in theirs[:depth])
        assert {type(each) for level in ours for each in level} <= {number}


@pytest.mark.parametrize("number", [float, pytest.param(Decimal, marks=pytest.mark.full)])
@pytest.mark.parametrize("market", ["spot", "usdm", "coinm", "options", "us"])
def test_every_view_of_a_reader_is_the_truth(name, monkeypatch, market, number):
    symbols = ["BTCUSDT", "ETHUSDT"] if market != "options" else ["BTC-260925-50000-C", "ETH-260925-3000-P"]
    with ExitStack() as stack:
        exchange = stack.enter_context(
            LocalExchange.with_order_flow(symbols, market=market, rate=50.0, levels=5.0, depth=150)
        )
        monkeypatch.setenv("DEPTHACTORS_EXCHANGE", exchange.url)
        engine = stack.enter_context(DepthEngine(market, name=name, number=number))
        engine.subscribe_many(symbols, depth=10)
        reader = stack.enter_context(DepthReader(name, number=number))
        assert {book.symbol for book in reader.books()} == set(symbols)
        assert {book.market for book in reader.books()} == {engine.market.name}
        views = {symbol: reader.wait_live(symbol, timeout=20) for symbol in symbols}
        for _ in range(8):
            for symbol in symbols:
                view = views[symbol] = reader.wait(symbol, after=views[symbol], timeout=10)
                assert view.state is LIVE
                check(view, exchange, 10, number)


@pytest.mark.one_process
def test_a_book_whose_actor_is_killed_is_stale_then_live(exchange, shared, reader, monkeypatch):
    shared.subscribe("BTCUSDT", depth=10)
    view = reader.wait_live("BTCUSDT", timeout=20)
    handle = BookActor.handle
    killed, go_on = threading.Event(), threading.Event()

    def deadly(self, message):
        if not killed.is_set():
            killed.set()
            msg = "a bug"
            raise ArithmeticError(msg)
        go_on.wait(20)
        return handle(self, message)

    monkeypatch.setattr(BookActor, "handle", deadly)
    try:
        while view.state is LIVE:
            view = reader.wait("BTCUSDT", after=view, timeout=10)
        assert view.state is STALE
        assert "the book's actor died: ArithmeticError: a bug" in reader.reason("BTCUSDT")
    finally:
        go_on.set()
    view = reader.wait_live("BTCUSDT", timeout=20)
    check(view, exchange, 10, float)


def test_the_end_of_an_engine_is_seen_and_leaves_nothing(shared, reader, name):
    shared.subscribe_many(["BTCUSDT", "ETHUSDT"], depth=10)
    view = reader.wait_live("BTCUSDT", timeout=20)
    shared.stop()
    assert not folder_of(name).exists()
    assert reader.view("BTCUSDT").state is STOPPED
    assert reader.view("BTCUSDT").last_update_id >= view.last_update_id
    with pytest.raises(EngineGoneError, match="was stopped"):
        reader.books()


@pytest.mark.one_process
def test_a_book_followed_deeper_and_let_go(shared, reader):
    first = shared.subscribe("BTCUSDT", depth=5)
    assert len(reader.wait_live("BTCUSDT", timeout=20).bids) == 5
    second = shared.subscribe("BTCUSDT", depth=20)
    assert [book.depth for book in reader.books()] == [20]
    assert len(reader.wait_live("BTCUSDT", timeout=20).bids) == 20
    shared.unsubscribe(first)
    assert reader.view("BTCUSDT").state is LIVE
    shared.unsubscribe(second)
    assert reader.view("BTCUSDT").state is not LIVE
    until(lambda: reader.books() == ())


def test_an_unknown_symbol_fails_with_its_reason(shared, reader):
    shared.subscribe("NOSUCHUSDT", depth=5)
    until(lambda: reader.view("NOSUCHUSDT").state is BookState.FAILED)
    assert "NOSUCHUSDT" in reader.reason("NOSUCHUSDT")
    with pytest.raises(NotLiveError, match=r"was FAILED \(.*NOSUCHUSDT"):
        reader.wait_live("NOSUCHUSDT", timeout=0.01)


@pytest.mark.one_process
def test_a_callback_that_blocks_leaves_the_shared_book_live(shared, reader):
    entered, leave = threading.Event(), threading.Event()

    def block(_view):
        entered.set()
        leave.wait(30)

    try:
        shared.subscribe("BTCUSDT", depth=10, on_update=block)
        assert entered.wait(20)
        seen = reader.wait_live("BTCUSDT", timeout=20)
        for _ in range(20):
            view = reader.wait("BTCUSDT", after=seen, timeout=20)
            assert (view.state, view.last_update_id > seen.last_update_id) == (LIVE, True)
            seen = view
    finally:
        leave.set()


# Names, room, and what is half done.


def test_a_name_in_use_reaches_the_caller(shared, name, monkeypatch):
    monkeypatch.setattr(folder, "_PATIENCE", 0.05)
    second = DepthEngine(name=name)
    with pytest.raises(SharingError, match=f"a name that no running engine has, was '{name}'"):
        second.start()
    with pytest.raises(SharingError, match="no running engine has"):
        second.subscribe("BTCUSDT")
    shared.stop()
    with second:
        assert second.subscribe("BTCUSDT", depth=5).wait_live(20).view().state is LIVE


def test_a_name_that_cannot_be_one_is_refused():
    with pytest.raises(UsageError, match="expected a name of"):
        DepthEngine(name="a/b")


@pytest.fixture
def room(monkeypatch):
    """So many books find room from now on."""

    def room(books):
        left, new_book = [books], EngineFolder.new_book

        def limited(self, depth):
            left[0] -= 1
            if left[0] < 0:
                msg = "expected room"
                raise SharingError(msg)
            return new_book(self, depth)

        monkeypatch.setattr(EngineFolder, "new_book", limited)

    return room


def test_without_room_for_all_none_is_followed(shared, reader, room, monkeypatch):
    room(1)
    with pytest.raises(SharingError, match="expected room"):
        shared.subscribe_many(["BTCUSDT", "ETHUSDT"], depth=10)
    assert shared.status().books == ()
    until(lambda: [*folder_of(reader.name).glob("book-*")] == [])
    monkeypatch.undo()


def test_room_is_checked_before_anything_is_followed(shared, reader, monkeypatch):
    def full(_depths):
        msg = "expected room for 5 bytes of shared memory"
        raise SharingError(msg)

    with monkeypatch.context() as patch:
        patch.setattr(shared._runtime._folder, "check_room", full)
        with pytest.raises(SharingError, match="expected room for 5 bytes"):
            shared.subscribe_many(["BTCUSDT", "ETHUSDT"], depth=10)
    assert (shared.status().books, reader.books()) == ((), ())


def test_a_book_that_is_followed_as_deep_already_takes_no_room(shared, monkeypatch):
    shared.subscribe("BTCUSDT", depth=10)
    rooms = []
    monkeypatch.setattr(shared._runtime._folder, "check_room", lambda depths: rooms.append(tuple(depths)))
    shared.subscribe("BTCUSDT", depth=5)
    shared.subscribe("BTCUSDT", depth=10)
    shared.subscribe("BTCUSDT", depth=20)
    assert rooms == [(), (), (20,)]


def test_without_room_to_deepen_a_book_it_stays_as_it_was(exchange, shared, reader, room):
    book = shared.subscribe("BTCUSDT", depth=5).wait_live(20)
    room(0)
    with pytest.raises(SharingError):
        shared.subscribe("BTCUSDT", depth=20)
    (row,) = shared.status().books
    assert row.depth == 5
    view = reader.wait("BTCUSDT", after=reader.wait_live("BTCUSDT"), timeout=10)
    assert (view.state, len(view.bids)) == (LIVE, 5)
    shared.unsubscribe(book)
    assert shared.status().books == (), "nobody else follows it"


def test_a_book_deepened_along_with_one_that_finds_no_room_is_read_on(shared, reader, room):
    shared.subscribe("BTCUSDT", depth=5).wait_live(20)
    view = reader.wait_live("BTCUSDT")
    room(1)
    with pytest.raises(SharingError):
        shared.subscribe_many(["BTCUSDT", "ETHUSDT"], depth=20)
    begun = view.last_update_id
    until(lambda: reader.view("BTCUSDT").state is LIVE and reader.view("BTCUSDT").last_update_id > begun + 3)
    assert [book.symbol for book in reader.books()] == ["BTCUSDT"]


# Signals and forks.


@table("moment", ["_empty", "_sweep", "_locked", "try_lock"])
def test_a_stop_in_the_middle_of_the_start_is_not_undone(exchange, name, monkeypatch, moment):
    """A signal handler may stop an engine that its thread is just starting."""
    engine = DepthEngine(name=name)
    plain, calls = getattr(folder, moment), []

    def interrupted(*arguments):
        result = plain(*arguments)
        if not calls:
            calls.append(moment)
            engine.stop()
        return result

    monkeypatch.setattr(folder, moment, interrupted)
    with pytest.raises(LifecycleError, match="stopped"):
        engine.start()
    assert not engine.running
    assert not folder_of(name).exists()
    assert engine.wait_stopped(1)


@pytest.mark.one_process
def test_a_supervisor_that_cannot_be_started_lets_go_of_the_name(exchange, name, monkeypatch):
    def no_thread(*_):
        msg = "no thread"
        raise LifecycleError(msg)

    engine = DepthEngine(name=name)
    with monkeypatch.context() as patch:
        patch.setattr(Supervisor, "start", no_thread)
        with pytest.raises(LifecycleError, match="no thread"):
            engine.start()
    assert not folder_of(name).exists()
    engine.start()
    engine.stop()


def test_a_fork_lets_the_name_go_with_its_parent(exchange, name):
    script = f"""
import os, sys, signal
from depthactors import DepthEngine, DepthReader
engine = DepthEngine(name={name!r})
book = engine.subscribe("BTCUSDT", depth=5).wait_live(20)
heard, said = os.pipe()
if os.fork() == 0:
    engine.stop()
    reader = DepthReader({name!r})
    print("fork", reader.view("BTCUSDT").state, flush=True)
    os.write(said, b".")
    sys.stdin.read()
    os._exit(0)
assert DepthReader({name!r}).wait_live("BTCUSDT").state == "LIVE"
os.read(heard, 1)
os.kill(os.getpid(), signal.SIGKILL)
"""
    command = [sys.executable, "-W", "ignore", "-c", script]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "fork LIVE\n"
        assert process.wait(20) == -9
        with DepthEngine(name=name) as engine:
            engine.subscribe("BTCUSDT", depth=5).wait_live(20)
        process.stdin.close()


@pytest.mark.one_process
def test_an_engine_without_a_name_shares_nothing(exchange):
    before = {*folder_of("x").parent.glob("depthactors-*")}
    updates = Recorder()
    with DepthEngine() as engine:
        engine.subscribe("BTCUSDT", depth=5, on_update=updates)
        until(lambda: len(updates.seen) > 2)
        made = {*folder_of("x").parent.glob("depthactors-*")} - before
        assert not any(str(os.getpid()) in path.name for path in made)
