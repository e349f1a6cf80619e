"""An engine whose books are in worker processes, from end to end on a local exchange."""

import gc
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from decimal import Decimal
from functools import partial
from itertools import islice
from pathlib import Path

import pykka
import pytest

from depthactors import Best, BookState, DepthEngine, DepthReader, DepthTo, Full, Status, ThreadedDepthCacheManager, Top
from depthactors.book.delta import apply
from depthactors.dispatcher.pooled import PooledDispatcher
from depthactors.engine.machine import Machine
from depthactors.errors import (
    DepthTooLargeError,
    LifecycleError,
    UnknownSymbolError,
    UsageError,
    WorkerDiedError,
)
from depthactors.exchange import LocalExchange
from depthactors.net.allowance import allowance_of
from depthactors.sharing.place import folder_of
from tests.support import Recorder, until

SYMBOLS = ["BTCUSDT", "ETHUSDT", "BNBUSDT"]
PATIENCE = 20.0


def children():
    """Return the processes of this one that run, or wait to be waited for."""
    found = set()
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(fields[1]) == os.getpid():
            found.add(int(stat.parent.name))
    return found - OTHERS


OTHERS: set[int] = set()
"""Child processes of earlier tests."""


@pytest.fixture(autouse=True)
def _others():
    OTHERS.clear()
    OTHERS.update(children())


def pids(engine):
    return [row.pid for row in engine.status().workers]


def worker_of(book):
    """Return the process that keeps a book."""
    try:
        return book._cell.worker.ask(Status(), timeout=PATIENCE).pid
    except pykka.ActorDeadError:
        return None


def live_view(book):
    """Return the first live view, which one look at the state and another at the book need not give."""
    views = []

    def is_live():
        views.append(book.view())
        return views[-1].state is BookState.LIVE

    until(is_live)
    return views[-1]


def check(exchange, view, depth, number=Decimal):
    truth = exchange.book_at(view.symbol, view.last_update_id)
    assert view.state is BookState.LIVE
    assert view.bids == tuple((number(price), number(quantity)) for price, quantity in truth.bids[:depth])
    assert view.asks == tuple((number(price), number(quantity)) for price, quantity in truth.asks[:depth])


def check_weight(engine, minute):
    """Check that the snapshots of all workers were counted in this process, against one limit."""
    level, pools = allowance_of(engine.market).level(), engine.status().pools
    each = engine.market.snapshot_weight(engine.market.snapshot_limit(20))
    # The exchange counts by the clock's minute: in a new one little is used yet.
    if time.time() // 60 == minute:
        assert level.used >= len(SYMBOLS) * each
        assert {row.used_weight for row in pools} == {level.used}
    assert sum(row.limited for row in pools) == 0


@pytest.fixture(autouse=True)
def _no_process_left():
    before = children()
    shared = set(Path("/dev/shm").glob(f"depthactors-*{os.getpid()}*"))
    yield
    until(lambda: children() <= before)
    assert set(Path("/dev/shm").glob(f"depthactors-*{os.getpid()}*")) == shared


@pytest.fixture
def errors():
    return Recorder()


@pytest.fixture
def engine(exchange, errors):
    with DepthEngine(number=Decimal, processes=2, on_error=errors) as engine:
        yield engine


def test_books_are_the_exchanges_and_answer_as_those_of_one_process(engine, exchange, errors):
    updates, events, minute = Recorder(), Recorder(), time.time() // 60
    books = engine.subscribe_many(SYMBOLS, depth=20, on_update=updates, on_event=events)
    engine.wait_live(PATIENCE)
    check_weight(engine, minute)
    until(lambda: len(updates.seen) >= 60)
    for view in updates.seen[:60]:
        check(exchange, view, 20)
    for symbol in SYMBOLS:
        ids = [view.last_update_id for view in updates.seen if view.symbol == symbol]
        assert ids == sorted(ids)
        events.wait_for(lambda event, symbol=symbol: (event.symbol, event.state) == (symbol, BookState.LIVE))
    for book in books:
        check(exchange, book.view(), 20)
        check(exchange, book.ask(Top(30)), 30)
        check(exchange, book.ref.ask(Best(), timeout=PATIENCE), 1)
        full = book.ask(Full())
        truth = exchange.book_at(book.symbol, full.last_update_id)
        assert full.bids == truth.bids[: len(full.bids)]
        assert full.asks == truth.asks[: len(full.asks)]
        assert min(len(full.bids), len(full.asks)) >= 30
        price = book.view().bids[4][0]
        side = book.ask(DepthTo("bid", price))
        assert side
        assert side[-1][0] >= price
    # A second, deeper subscription is the same book.
    deeper = engine.subscribe(SYMBOLS[0], depth=60)
    started = time.monotonic()
    deeper.wait_live(PATIENCE)
    assert time.monotonic() - started < PATIENCE / 2
    assert deeper._cell is books[0]._cell
    check(exchange, deeper.view(), 60)
    check(exchange, books[0].view(), 20)

    status = engine.status()
    assert [row.symbol for row in status.books] == SYMBOLS
    assert [row.state for row in status.books] == [BookState.LIVE] * 3
    assert (status.live, status.progress) == (3, 1.0)
    assert [row.depth for row in status.books] == [60, 20, 20]
    assert sorted(row.pid for row in status.workers) == sorted(children())
    assert [row.restarts for row in status.workers] == [0, 0]
    assert len({row.name for row in status.sockets}) == len(status.sockets) == 2
    assert sum(row.streams for row in status.sockets) == 3

    with pytest.raises(UnknownSymbolError, match="NOSUCHUSDT"):
        engine.subscribe("NOSUCHUSDT").wait_live(PATIENCE)
    with pytest.raises(DepthTooLargeError):
        engine.subscribe("BTCUSDT", depth=6000)
    with pytest.raises(UsageError):
        engine.subscribe("BTCUSDT", depth=0)
    assert [book.state for book in books] == [BookState.LIVE] * 3

    # Let go of one, with another of its worker untouched.
    last = books[2].view()
    books[2].close()
    assert books[2].state is BookState.STOPPED
    assert books[2].view().last_update_id >= last.last_update_id
    with pytest.raises(LifecycleError):
        books[2].ask(Best())
    until(lambda: sum(row.streams for row in engine.status().sockets) == 2)
    again = engine.subscribe(SYMBOLS[2], depth=20).wait_live(PATIENCE)
    check(exchange, again.view(), 20)
    assert errors.seen == []


def test_callbacks_deltas_and_waits_get_the_exchanges_books_and_a_slow_callback_delays_its_own_alone(exchange, errors):
    slow, deltas = Recorder(), Recorder()
    entered, go_on = threading.Event(), threading.Event()

    def on_update(view):
        slow(view)
        if len(slow.seen) == 1:
            entered.set()
            assert go_on.wait(PATIENCE)

    with DepthEngine(number=Decimal, processes=1, on_error=errors) as engine:
        # Unsubscribed before its worker runs, it disturbs no other.
        closed = engine.subscribe("BNBUSDT", depth=5)
        closed.close()
        book = engine.subscribe("BTCUSDT", depth=5, on_update=on_update)
        other = engine.subscribe("ETHUSDT", depth=20, on_delta=deltas)
        assert entered.wait(PATIENCE)
        first = slow.seen[0].last_update_id

        views = list(islice(other.updates(PATIENCE), 10))
        ids = [view.last_update_id for view in views]
        assert ids == sorted(set(ids))
        for view in views:
            check(exchange, view, 20)
        assert other.wait(views[-1], timeout=PATIENCE).last_update_id > views[-1].last_update_id

        until(lambda: len(deltas.seen) >= 20)
        view = None
        for delta in deltas.seen[:20]:
            view = apply(view, delta)
            check(exchange, view, 20)

        until(lambda: book.view().last_update_id > first + 50)
        assert book.view().state is BookState.LIVE, "it is kept in another process"
        until(lambda: engine.status().books[0].counters.coalesced > 20)
        latest = book.view().last_update_id
        go_on.set()
        slow.wait_for(lambda view: view.last_update_id >= latest)
        assert (closed.state, errors.seen) == (BookState.STOPPED, [])


@pytest.mark.full
def test_several_markets_in_one_engine(monkeypatch):
    markets = ["spot", "usdm", "coinm"]
    with (
        LocalExchange.with_order_flow("BTCUSDT", rate=50.0, depth=150) as spot,
        LocalExchange.with_order_flow("BTCUSDT", market="usdm", rate=50.0, depth=150) as usdm,
        LocalExchange.with_order_flow("BTCUSD_PERP", market="coinm", rate=50.0, depth=150) as coinm,
    ):
        exchanges = dict(zip(markets, (spot, usdm, coinm), strict=True))
        with DepthEngine(processes=2) as engine:
            books = {}
            for name, exchange in exchanges.items():
                monkeypatch.setenv("DEPTHACTORS_EXCHANGE", exchange.url)
                books[name] = engine.subscribe(exchange.symbols[0], depth=10, market=name)
            engine.wait_live(PATIENCE)
            for name, book in books.items():
                check(exchanges[name], book.view(), 10, float)
                assert book.market == name


@pytest.fixture
def patient_engine(exchange, errors, set_timing):
    """An engine that takes no worker for stuck."""
    set_timing(worker_silence=600.0)
    with DepthEngine(number=Decimal, processes=2, on_error=errors) as engine:
        yield engine


def test_a_worker_that_stands_still_or_is_killed_leaves_the_others_books_untouched(patient_engine, exchange, errors):
    events, updates = Recorder(), Recorder()
    hit = patient_engine.subscribe("BTCUSDT", depth=10, on_event=events)
    spared = patient_engine.subscribe("ETHUSDT", depth=10, on_event=events, on_update=updates)
    patient_engine.wait_live(PATIENCE)
    updates.wait_one()
    victim = worker_of(hit)
    check_that_nothing_stalls(patient_engine, hit, victim, updates)
    check_that_it_is_replaced(patient_engine, exchange, hit, victim, events)
    assert {event.symbol for event in events.seen if event.state is BookState.STALE} == {"BTCUSDT"}
    assert (spared.state, errors.seen) == (BookState.LIVE, [])


def check_that_nothing_stalls(engine, book, victim, others_updates):
    """Stop the worker of a book: a question ends with its timeout or with its worker's return, and holds up no call."""
    stuck = Recorder()
    os.kill(victim, signal.SIGSTOP)
    try:
        asked = book.ref.ask(Full(), block=False)
        with pytest.raises(pykka.Timeout):
            book.ask(Best(), timeout=0.05)
        engine.subscribe("BTCUSDT", depth=5, on_update=stuck)
        assert stuck.wait_one().state is BookState.LIVE, "it is called with what the slot shows"
        seen = len(others_updates.seen)
        until(lambda: len(others_updates.seen) > seen + 3)
        with pytest.raises(pykka.Timeout):
            asked.get(timeout=0.0)
    finally:
        os.kill(victim, signal.SIGCONT)
    assert asked.get(timeout=PATIENCE).state is BookState.LIVE


def check_that_it_is_replaced(engine, exchange, book, victim, events):
    """Kill the worker of a book: its successor has the book, and the book says what happened."""
    book.wait_live(PATIENCE)
    before, last = pids(engine), book.view()
    os.kill(victim, signal.SIGKILL)
    lost = events.wait_for(lambda event: isinstance(event.error, WorkerDiedError))
    assert (lost.symbol, lost.state) == ("BTCUSDT", BookState.STALE)
    assert "signal 9" in str(lost.error)
    view = book.view()
    if view.state is BookState.STALE:
        truth = exchange.book_at("BTCUSDT", view.last_update_id)
        assert view.last_update_id >= last.last_update_id
        assert view.bids == truth.bids[:10]
    book.wait_live(PATIENCE)
    check(exchange, live_view(book), 10)
    status = engine.status()
    assert [row.restarts for row in status.books] == [1, 0]
    assert sorted(row.restarts for row in status.workers) == [0, 1]
    assert len(set(pids(engine)) & set(before)) == 1
    assert victim not in children(), "no zombie"


@pytest.mark.full
def test_a_worker_that_is_stopped_is_noticed_and_replaced(exchange, errors, set_timing):
    set_timing(worker_silence=1.5, worker_look=0.1, beat=0.1)
    events = Recorder()
    with DepthEngine(number=Decimal, processes=1, on_error=errors) as engine:
        book = engine.subscribe("BTCUSDT", depth=5, on_event=events).wait_live(PATIENCE)
        victim = worker_of(book)
        os.kill(victim, signal.SIGSTOP)
        lost = events.wait_for(lambda event: isinstance(event.error, WorkerDiedError))
        assert "no sign of life" in str(lost.error)
        check(exchange, live_view(book), 5)
        assert victim not in children()


@pytest.mark.one_process
def test_rebalance_spreads_over_more_and_fewer_processes(monkeypatch):
    symbols = [f"S{number}USDT" for number in range(3)]
    name = f"rebalance-{os.getpid()}"
    with LocalExchange.with_order_flow(symbols, rate=20.0, depth=150) as exchange:
        monkeypatch.setenv("DEPTHACTORS_EXCHANGE", exchange.url)
        with DepthEngine(processes=1, number=Decimal, name=name) as engine, DepthReader(name, number=Decimal) as reader:
            events = Recorder()
            books = engine.subscribe_many(symbols, depth=5, on_event=events)
            engine.wait_live(PATIENCE)
            for processes, moved in ((2, 1), (1, 1)):
                before = [book.view().last_update_id for book in books]
                assert engine.rebalance(processes) == moved
                after = [book.view() for book in books]
                assert all(view.last_update_id >= last for view, last in zip(after, before, strict=True))
                until(lambda processes=processes: len(children()) == processes)
                for book in books:
                    check(exchange, live_view(book), 5)
                assert len(engine.status().workers) == processes
                assert {event.symbol for event in events.of(matches=_says_moved)} == {"S2USDT"}
            for symbol in symbols:
                check(exchange, reader.wait_live(symbol, timeout=PATIENCE), 5)
            assert engine.rebalance() == 0
            with pytest.raises(UsageError):
                engine.rebalance(0)
    with pytest.raises(UsageError, match="expected an engine with worker processes"), DepthEngine() as engine:
        engine.rebalance(2)


def _says_moved(event):
    return event.state is BookState.STALE and "moves to" in str(event.error)


def test_stop_leaves_nothing_and_a_second_engine_may_follow(exchange):
    name = f"stopped-{os.getpid()}"
    threads = threading.active_count()
    descriptors = len([*Path("/proc/self/fd").iterdir()])
    engine = DepthEngine(processes=1, name=name)
    book = engine.subscribe("BTCUSDT", depth=5).wait_live(PATIENCE)
    assert len(children()) == 1
    engine.stop()
    assert children() == set()
    assert threading.active_count() == threads
    assert not folder_of(name).exists()
    assert book.state is BookState.STOPPED
    del engine, book
    # The slots' memory is held by handles and cells that hold each other; one more is the exchange's, in this process.
    gc.collect()
    assert len([*Path("/proc/self/fd").iterdir()]) <= descriptors + 1
    # Stopped while its workers are being loaded, and while one is being replaced.
    with DepthEngine(processes=1, name=name) as engine:
        engine.subscribe_many(SYMBOLS)
    with DepthEngine(processes=1, name=name) as engine:
        book = engine.subscribe("BTCUSDT", depth=5).wait_live(PATIENCE)
        os.kill(worker_of(book), signal.SIGKILL)
    assert children() == set()


def test_a_worker_that_stands_still_does_not_outlive_the_program(exchange):
    program = """
        import os, signal
        from depthactors import DepthEngine
        engine = DepthEngine(processes=1)
        engine.subscribe("BTCUSDT", depth=5).wait_live(20)
        (row,) = engine.status().workers
        os.kill(row.pid, signal.SIGSTOP)
        print(row.pid, flush=True)
    """
    # In a session of its own, the system ends no process that is left behind.
    command = [sys.executable, "-c", textwrap.dedent(program)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True) as process:
        pid = process.stdout.readline().strip()
        process.wait(PATIENCE)
    assert not _runs(pid)


@pytest.mark.parametrize("end", [pytest.param(signal.SIGTERM, marks=pytest.mark.full), signal.SIGKILL])
def test_workers_end_with_the_engines_process_however_it_ends_and_leave_nothing(exchange, end):
    program = """
        import sys, time
        from depthactors import DepthEngine
        engine = DepthEngine(processes=1)
        engine.subscribe("BTCUSDT", depth=5).wait_live(20)
        print(*(row.pid for row in engine.status().workers), engine._runtime._folder.name, flush=True)
        sys.stdin.read()
    """
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(program)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        *workers, name = process.stdout.readline().split()
        assert len(workers) == 1
        assert folder_of(name).exists()
        assert all(Path(f"/proc/{pid}").exists() for pid in workers)
        process.send_signal(end)
    until(lambda: not any(_runs(pid) for pid in workers))
    assert not folder_of(name).exists()


def _runs(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_a_fork_raises_a_typed_error_and_does_not_keep_the_workers_alive(exchange):
    engine = DepthEngine(processes=1)
    book = engine.subscribe("BTCUSDT", depth=5).wait_live(PATIENCE)
    (worker,) = pids(engine)
    said, say = os.pipe()
    wait, leave = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            engine.subscribe("ETHUSDT")
        except LifecycleError as error:
            os.write(say, f"{book.state} {error}".encode())
        os.close(leave)
        os.read(wait, 1)
        os._exit(0)
    try:
        words = os.read(said, 1000).decode()
        assert words.startswith("STOPPED this engine was started in process")
        engine.stop()
        assert not _runs(worker)
    finally:
        for descriptor in (said, say, wait, leave):
            os.close(descriptor)
        os.waitpid(child, 0)


def test_readers_and_the_cache_manager(exchange):
    name = f"manager-{os.getpid()}"
    sizes, deep = Recorder(), Recorder()
    manager = ThreadedDepthCacheManager(processes=1, shared_as=name)
    manager.start()
    try:
        # The levels of each stream's own limit, however deep the book is kept for another.
        manager.start_depth_cache(lambda cache: sizes(len(cache.get_bids())), "BTCUSDT", ws_interval=100)
        assert sizes.wait_one() == 10
        manager.start_depth_cache(lambda cache: deep(len(cache.get_bids())), "BTCUSDT", limit=50, ws_interval=100)
        assert deep.wait_one() == 50
        sizes.wait(count=len(sizes.seen) + 2)
        assert {*sizes.seen} == {10}
        with DepthReader(name) as reader:
            until(lambda: reader.view("BTCUSDT").state is BookState.LIVE)
            check(exchange, reader.view("BTCUSDT", 5), 5, float)
        assert len(children()) == 1
    finally:
        manager.stop()
        manager.join()
    assert children() == set()


class SmallEngine(DepthEngine):
    """An engine with one thread for callbacks that block."""

    _machine = Machine(partial(PooledDispatcher, most_slow=1))


@pytest.fixture
def blocking():
    """Return a callback that blocks until the test ends, and records the symbols for which it was entered."""
    leave, entered = threading.Event(), Recorder()

    def block(view):
        entered(view.symbol)
        leave.wait(30)

    block.entered = entered
    yield block
    leave.set()


def test_callbacks_that_block_in_all_threads_keep_no_worker_from_being_started_and_stopped(exchange, blocking):
    engine = SmallEngine(processes=1).start()
    for symbol in ("BTCUSDT", "ETHUSDT"):
        engine.subscribe(symbol, depth=5, on_update=blocking)
    blocking.entered.wait()
    os.kill(pids(engine)[0], signal.SIGKILL)
    until(lambda: [row.restarts for row in engine.status().workers] == [1])
    engine.wait_live(PATIENCE)
    assert blocking.entered.seen[1:] == []
    begin = time.monotonic()
    engine.stop()
    # Half a second for a callback under way, and the end of two processes; the deadline is ten.
    assert time.monotonic() - begin < 5.0
    assert children() == set()
