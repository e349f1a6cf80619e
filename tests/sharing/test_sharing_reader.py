"""`DepthReader`: what another process sees of an engine's books, and of the engine's end."""

import signal
import subprocess
import sys
import threading
import time
from decimal import Decimal
from functools import partial
from itertools import islice
from math import inf

import pytest

from depthactors.book import BookState
from depthactors.errors import (
    BookNotSharedError,
    EngineGoneError,
    LifecycleError,
    NotLiveError,
    SharingError,
    UsageError,
)
from depthactors.sharing import DepthReader, SharedBook, pulse
from depthactors.sharing import reader as reader_module
from depthactors.sharing.record import pack
from tests.sharing.publisher import PATIENCE, ROOT, Program, Publisher, book_of, descriptors
from tests.support import table

LIVE, STALE, STOPPED = BookState.LIVE, BookState.STALE, BookState.STOPPED


@pytest.fixture
def shared(publisher):
    """A live book that this process shares."""
    publisher.follow("BTCUSDT", 1)
    return publisher


@pytest.fixture
def reader(name, shared):
    with DepthReader(name) as reader:
        yield reader


def truth(update_id, levels=5):
    book = book_of(update_id, levels)
    return tuple(
        tuple((abs(key), side.quantities[key]) for key in side.best_keys(levels)) for side in (book.bids, book.asks)
    )


def at_the_next_look(monkeypatch, *acts):
    """Do these one after the other when a waiting reader pauses between two looks."""
    left, looks = list(acts), []

    def pause(seconds):
        looks.append(seconds)
        assert len(looks) < 50_000, "it waits for what has happened"
        if left:
            left.pop(0)()

    monkeypatch.setattr(reader_module.time, "sleep", pause)
    return looks


# Views.


def test_a_view_is_the_latest_record(shared, reader):
    view = reader.view("btcusdt")
    assert (view.symbol, view.state, view.last_update_id, view.event_time, view.recv_time) == (
        "BTCUSDT",
        LIVE,
        1,
        1_001,
        1.0,
    )
    assert view.age == pytest.approx(time.time() - 1, abs=10)
    assert (view.bids, view.asks) == truth(1)
    shared.write("BTCUSDT", 2)
    assert (reader.view("BTCUSDT").bids, reader.view("BTCUSDT").asks) == truth(2)


@pytest.mark.parametrize("levels", [1, 3, 5, 100])
def test_as_many_levels_as_are_wanted_and_shared(reader, levels):
    view = reader.view("BTCUSDT", levels)
    assert (view.bids, view.asks) == tuple(side[:levels] for side in truth(1))


@table("levels", [0, -1, 1.0, True, "5"])
def test_a_number_of_levels_that_is_none_is_refused(reader, levels):
    with pytest.raises(UsageError, match="expected a number of levels of at least 1, was"):
        reader.view("BTCUSDT", levels)


def test_a_symbol_of_several_markets_wants_the_market(shared, reader):
    shared.follow("BTCUSDT", 2, market="usdm")
    shared.follow("BTCUSDT", 3, market="usdm", speed_ms=500)
    with pytest.raises(BookNotSharedError, match="shares 3 books BTCUSDT: BTCUSDT spot 100 ms, "):
        reader.view("BTCUSDT")
    assert reader.view("BTCUSDT", market="spot").last_update_id == 1
    assert reader.view("BTCUSDT", market="usdm", speed_ms=100).last_update_id == 2
    assert reader.wait("BTCUSDT", speed_ms=500).last_update_id == 3
    assert reader.wait_live("BTCUSDT", market="usdm", speed_ms=500).last_update_id == 3
    assert reader.books() == (
        SharedBook("BTCUSDT", "spot", 100, 5),
        SharedBook("BTCUSDT", "usdm", 100, 5),
        SharedBook("BTCUSDT", "usdm", 500, 5),
    )


@pytest.mark.parametrize("call", ["view", "reason"])
def test_an_unknown_symbol_is_told_at_once(reader, call):
    with pytest.raises(BookNotSharedError, match="does not share NOUSDT; it shares BTCUSDT"):
        getattr(reader, call)("NOUSDT")


def test_an_unknown_symbol_may_still_come(shared, reader, monkeypatch):
    at_the_next_look(monkeypatch, lambda: shared.follow("ETHUSDT", 5))
    assert reader.wait("ETHUSDT", timeout=10).last_update_id == 5
    monkeypatch.undo()
    with pytest.raises(BookNotSharedError, match="NOUSDT"):
        reader.wait("NOUSDT", timeout=0.01)


def test_a_book_that_is_behind_is_stale(shared, reader):
    shared.mark("BTCUSDT", True)
    assert reader.view("BTCUSDT").state is STALE
    shared.mark("BTCUSDT", False)
    assert reader.view("BTCUSDT").state is LIVE


def test_a_book_that_is_deepened_while_it_is_read(shared, reader):
    assert len(reader.view("BTCUSDT").bids) == 5
    shared.follow("BTCUSDT", 2, depth=20)
    assert (reader.view("BTCUSDT").bids, reader.view("BTCUSDT").asks) == truth(2, 20)
    assert reader.books() == (SharedBook("BTCUSDT", "spot", 100, 20),)


def test_a_book_that_is_let_go_while_it_is_read(shared, reader):
    reader.view("BTCUSDT")
    shared.let_go("BTCUSDT")
    with pytest.raises(BookNotSharedError, match="does not share BTCUSDT; it shares no book"):
        reader.view("BTCUSDT")
    shared.follow("BTCUSDT", 9)
    assert reader.view("BTCUSDT").last_update_id == 9


def test_a_book_that_fails_while_it_is_read_says_why(shared, reader):
    assert reader.reason("BTCUSDT") is None
    shared.write("BTCUSDT", 1, "FAILED", "the symbol is unknown")
    assert reader.view("BTCUSDT").state is BookState.FAILED
    assert reader.reason("BTCUSDT") == "the symbol is unknown"


@pytest.mark.parametrize(
    "wait",
    [
        lambda reader: reader.wait_live("BTCUSDT", timeout=inf),
        lambda reader: reader.wait("BTCUSDT", after=reader.view("BTCUSDT"), timeout=inf),
        lambda reader: next(reader.updates("BTCUSDT", timeout=inf)),
    ],
    ids=["wait_live", "wait", "updates"],
)
def test_a_book_that_was_given_up_ends_each_wait_at_once_with_the_reason(shared, reader, wait):
    shared.write("BTCUSDT", 1, "FAILED", "the symbol is unknown")
    with pytest.raises(NotLiveError, match=r"BTCUSDT: expected LIVE, was FAILED \(the symbol is unknown\)"):
        wait(reader)


def test_a_record_that_is_torn_for_good_is_a_typed_error(shared, reader):
    reader.view("BTCUSDT")
    _, slot = shared._books["BTCUSDT", "spot", 100]
    for place in reader._attached._slots["book-1@0"]._places:
        slot._memory[place] ^= 1
    with pytest.raises(SharingError, match="no whole record"):
        reader.view("BTCUSDT")
    assert reader.torn >= 1_000


def test_records_are_counted_as_they_are_written(shared, reader):
    before = reader.records("BTCUSDT")
    shared.write("BTCUSDT", 2)
    shared.write("BTCUSDT", 2, "STALE")
    assert reader.records("btcusdt") == before + 2
    with pytest.raises(BookNotSharedError):
        reader.records("NOUSDT")


# Waiting.


def test_waiting_ends_with_an_update(shared, reader, monkeypatch):
    view = reader.wait("BTCUSDT")
    assert view.last_update_id == 1
    at_the_next_look(monkeypatch, lambda: None, lambda: shared.write("BTCUSDT", 2))
    assert reader.wait("BTCUSDT", after=view, timeout=60, levels=2).bids == truth(2)[0][:2]


def test_waiting_ends_with_another_state(shared, reader, monkeypatch):
    view = reader.wait("BTCUSDT")
    at_the_next_look(monkeypatch, lambda: shared.write("BTCUSDT", 1, "STALE"))
    assert reader.wait("BTCUSDT", after=view, timeout=60).state is STALE


def test_waiting_ends_when_the_book_falls_behind_and_catches_up(shared, reader, monkeypatch):
    view = reader.wait("BTCUSDT")
    at_the_next_look(monkeypatch, lambda: shared.mark("BTCUSDT", True))
    view = reader.wait("BTCUSDT", after=view, timeout=60)
    assert (view.last_update_id, view.state) == (1, STALE)
    at_the_next_look(monkeypatch, lambda: shared.mark("BTCUSDT", False))
    assert reader.wait("BTCUSDT", after=view, timeout=60).state is LIVE


def test_waiting_ends_when_the_time_is_over_with_the_same_view(shared, reader):
    view = reader.wait("BTCUSDT")
    begun = time.monotonic()
    again = reader.wait("BTCUSDT", after=view, timeout=0.05)
    assert 0.05 <= time.monotonic() - begun < 5
    assert (again.last_update_id, again.state) == (1, LIVE)


def test_the_same_record_written_again_is_no_news(shared, reader, monkeypatch):
    view = reader.wait("BTCUSDT")
    looks = at_the_next_look(
        monkeypatch, lambda: shared.write("BTCUSDT", 1), lambda: None, lambda: shared.write("BTCUSDT", 2)
    )
    assert reader.wait("BTCUSDT", after=view, timeout=60).last_update_id == 2
    assert len(looks) == 3


def test_a_record_whose_head_is_seen_before_its_bytes_is_looked_at_again(shared, reader, monkeypatch):
    """Other processors than x86 may show the stores of another in any order."""
    shared.write("BTCUSDT", 2)
    view = reader.wait("BTCUSDT")
    slot = reader._attached._slots["book-1@0"]
    memory = shared._books["BTCUSDT", "spot", 100][1]._memory
    begin = slot._places[1] + 16
    before = memory[begin : begin + 200]
    shared.write("BTCUSDT", 3)
    after = memory[begin : begin + 200]
    memory[begin : begin + 200] = before

    def arrive():
        memory[begin : begin + 200] = after

    at_the_next_look(monkeypatch, arrive)
    assert reader.wait("BTCUSDT", after=view, timeout=60).last_update_id == 3


def test_waiting_for_a_live_book(shared, reader, monkeypatch):
    shared.write("BTCUSDT", 0, "SYNCING")
    at_the_next_look(
        monkeypatch, lambda: shared.write("BTCUSDT", 3, "STALE"), lambda: None, lambda: shared.write("BTCUSDT", 4)
    )
    view = reader.wait_live("BTCUSDT", timeout=60)
    assert (view.state, view.last_update_id) == (LIVE, 4)


def test_a_book_that_does_not_come_to_life_says_why(shared, reader):
    shared.write("BTCUSDT", 0, "SYNCING", "the exchange answers 503")
    with pytest.raises(NotLiveError, match=r"BTCUSDT: expected LIVE within 0.02 s, was SYNCING \(.* answers 503\)"):
        reader.wait_live("BTCUSDT", timeout=0.02)
    shared.write("BTCUSDT", 0, "SYNCING")
    with pytest.raises(NotLiveError, match=r"was SYNCING$"):
        reader.wait_live("BTCUSDT", timeout=0.0)


def test_a_loop_has_the_live_views_alone(shared, reader, monkeypatch):
    steps = [("LIVE", 1), ("STALE", 1), ("LIVE", 2), ("STALE", 3), ("LIVE", 4)]
    acts = [partial(shared.write, "BTCUSDT", update_id, state) for state, update_id in steps]
    at_the_next_look(monkeypatch, *acts)
    views = list(islice(reader.updates("BTCUSDT", timeout=60, levels=2), 3))
    assert [(view.state, view.last_update_id) for view in views] == [(LIVE, 1), (LIVE, 2), (LIVE, 4)]
    assert views[-1].bids == truth(4)[0][:2]


def test_a_loop_over_a_quiet_book_goes_on_beyond_its_timeout(shared, reader, monkeypatch):
    monkeypatch.setattr(reader_module, "_PART", 0.01)
    loop = reader.updates("BTCUSDT", timeout=0.02)
    assert next(loop).last_update_id == 1
    looks = [lambda: None] * 200
    at_the_next_look(monkeypatch, *looks, lambda: shared.write("BTCUSDT", 2))
    assert next(loop).last_update_id == 2


def test_a_slow_loop_is_not_a_book_that_is_not_live(shared, reader, monkeypatch):
    begun, passed = time.monotonic(), [0.0]
    monkeypatch.setattr(reader_module.time, "monotonic", lambda: begun + passed[0])
    loop = reader.updates("BTCUSDT", timeout=1.0)
    assert next(loop).last_update_id == 1
    passed[0] = 3.0
    shared.write("BTCUSDT", 2, "STALE")
    at_the_next_look(monkeypatch, lambda: shared.write("BTCUSDT", 3))
    assert next(loop).last_update_id == 3


def test_a_loop_over_a_book_that_is_not_live_says_why(shared, reader):
    shared.write("BTCUSDT", 0, "SYNCING", "the exchange answers 503")
    with pytest.raises(NotLiveError, match=r"BTCUSDT: expected LIVE within 0.02 s, was SYNCING \(.* answers 503\)"):
        next(reader.updates("BTCUSDT", timeout=0.02))


def test_a_loop_waits_for_a_book_and_for_an_engine(name, shared, reader, monkeypatch):
    loop = reader.updates("ETHUSDT", timeout=60)
    at_the_next_look(monkeypatch, lambda: shared.follow("ETHUSDT", 5))
    assert next(loop).last_update_id == 5
    shared.close()
    with pytest.raises(EngineGoneError, match="was stopped"):
        next(reader.updates("SOLUSDT", timeout=0.0))
    later = Publisher(name)

    def start():
        later.open()
        later.follow("ETHUSDT", 7)

    at_the_next_look(monkeypatch, start)
    try:
        assert next(loop).last_update_id == 7
    finally:
        later.close()


def test_a_loop_over_what_is_not_shared_ends_with_an_error(reader):
    with pytest.raises(BookNotSharedError, match="shares BTCUSDT"):
        next(reader.updates("SOLUSDT", timeout=0.0))
    with pytest.raises(UsageError, match="timeout"):
        reader.updates("BTCUSDT", timeout="5")


def test_a_timeout_that_is_no_number_is_refused(name, reader):
    with pytest.raises(UsageError, match="expected timeout as a number of seconds, was '5'"):
        DepthReader.wait_for_engine(name, "5")
    for wait in (lambda timeout: reader.wait("BTCUSDT", timeout=timeout), lambda t: reader.wait_live("BTCUSDT", t)):
        with pytest.raises(UsageError, match="expected timeout as a number of seconds, was '5'"):
            wait("5")


@pytest.mark.parametrize("after", ["BTCUSDT", 7])
def test_what_is_waited_after_is_a_view(reader, after):
    with pytest.raises(UsageError, match=f"expected a view as after, was {after!r}"):
        reader.wait("BTCUSDT", after=after, timeout=0.0)


def test_a_timeout_may_be_infinite(shared, name, reader):
    with DepthReader.wait_for_engine(name, inf):
        assert reader.wait("BTCUSDT", timeout=inf).state is LIVE
        assert reader.wait_live("BTCUSDT", inf).state is LIVE


def test_waiting_costs_few_looks(shared, reader, monkeypatch):
    pauses = []
    monkeypatch.setattr(reader_module.time, "sleep", pauses.append)
    clock = iter(range(1_000_000))
    monkeypatch.setattr(reader_module.time, "monotonic", lambda: next(clock) / 10_000)
    reader.wait("BTCUSDT", after=reader.view("BTCUSDT"), timeout=0.02)
    assert max(pauses) <= 0.001
    assert pauses[:3] == [0.0001, 0.0002, 0.0004]


# The engine's end, and its return.


def test_no_engine_is_a_typed_error(name):
    with pytest.raises(EngineGoneError, match=f"the engine {name!r} does not run on this machine"):
        DepthReader(name)
    with pytest.raises(EngineGoneError, match="does not run"):
        DepthReader.wait_for_engine(name, timeout=0.02)
    with pytest.raises(UsageError):
        DepthReader("no/name")


def test_waiting_for_an_engine(name, monkeypatch):
    publisher = Publisher(name)
    at_the_next_look(monkeypatch, lambda: None, publisher.open)
    try:
        with DepthReader.wait_for_engine(name, timeout=60) as reader:
            assert reader.alive
            assert reader.books() == ()
            assert repr(reader) == f"<DepthReader {name} alive>"
    finally:
        publisher.close()


def test_an_engine_that_stops(shared, reader):
    view = reader.view("BTCUSDT")
    shared.close()
    assert not reader.alive
    assert repr(reader).endswith("gone>")
    assert reader.wait("BTCUSDT", after=view, timeout=5).state is STOPPED
    assert reader.view("BTCUSDT").bids == view.bids, "what was seen last stays"
    assert "was stopped" in reader.reason("BTCUSDT")
    with pytest.raises(EngineGoneError, match="was stopped"):
        reader.books()
    with pytest.raises(EngineGoneError, match="was stopped"):
        reader.wait("BTCUSDT", after=reader.view("BTCUSDT"), timeout=0.02)


def test_an_engine_that_is_killed(name, program):
    program.do("follow", "BTCUSDT", 7)
    with DepthReader(name) as reader:
        view = reader.wait_live("BTCUSDT")
        program.kill()
        stale = reader.wait("BTCUSDT", after=view, timeout=10)
        assert (stale.state, stale.last_update_id, stale.bids) == (STALE, 7, view.bids)
        assert "was killed" in reader.reason("BTCUSDT")
        for call in (reader.books, lambda: reader.wait_live("BTCUSDT", timeout=0.02)):
            with pytest.raises(EngineGoneError, match="was killed, or ended without being stopped"):
                call()


def test_a_reader_survives_the_restart_of_the_engine(name):
    with Program(name) as first:
        first.do("follow", "BTCUSDT", 1)
        with DepthReader(name) as reader:
            view = reader.wait_live("BTCUSDT")
            first.kill()
            view = reader.wait("BTCUSDT", after=view, timeout=10)
            with Program(name) as second:
                second.do("follow", "BTCUSDT", 2)
                view = reader.wait("BTCUSDT", after=view, timeout=10)
                assert (view.last_update_id, view.state) == (2, LIVE)
                second.do("write", "BTCUSDT", 3)
                assert reader.view("BTCUSDT").last_update_id == 3
            assert not reader.alive
            assert reader.view("BTCUSDT").state is STOPPED, "it ended in good order"
            with Program(name) as third:
                third.do("follow", "ETHUSDT", 5)
                assert reader.wait_live("ETHUSDT", timeout=10).last_update_id == 5
                with pytest.raises(BookNotSharedError):
                    reader.view("BTCUSDT")


def test_an_engine_that_is_stuck_is_not_believed(name, program, monkeypatch):
    program.do("follow", "BTCUSDT", 7)
    program.do("beat")
    with DepthReader(name) as reader:
        view = reader.wait_live("BTCUSDT")
        program.stop_running()
        monkeypatch.setattr(pulse, "PULSE_LIMIT", 0.05)
        view = reader.wait("BTCUSDT", after=view, timeout=10)
        assert (view.state, view.last_update_id, reader.alive) == (STALE, 7, True)
        program.signal(signal.SIGCONT)
        program.do("beat")
        monkeypatch.undo()
        assert reader.wait("BTCUSDT", after=view, timeout=10).state is LIVE


# Closing, threads, forks.


def test_a_reader_that_was_closed(shared, reader):
    view = reader.view("BTCUSDT")
    reader.close()
    reader.close()
    assert repr(reader) == f"<DepthReader {reader.name} closed>"
    for call in (lambda: reader.view("BTCUSDT"), reader.books, lambda: reader.alive, lambda: reader.torn):
        with pytest.raises(LifecycleError, match="was closed; make a new one"):
            call()
    assert (view.bids, view.asks) == truth(1), "views that were taken stay"


def test_many_threads_read_while_books_come_and_go(shared, reader):
    over, failures = threading.Event(), []

    def read():
        last = 0
        while not over.is_set():
            try:
                view = reader.view("BTCUSDT")
                assert (view.bids, view.asks) == truth(view.last_update_id, len(view.bids))
                assert view.last_update_id >= last
                last = view.last_update_id
            except BookNotSharedError:
                # Its file has just been replaced.
                continue
            except BaseException as error:
                failures.append(error)
                raise

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        for update_id in range(2, 200):
            if update_id % 10:
                shared.write("BTCUSDT", update_id)
            else:
                shared.follow("BTCUSDT", update_id, depth=5 + update_id % 7)
    finally:
        over.set()
        for thread in threads:
            thread.join(10)
    assert failures == []
    assert reader.view("BTCUSDT").last_update_id == 199


def test_a_reader_goes_on_after_a_fork(name, program):
    program.do("follow", "BTCUSDT", 7)
    script = f"""
import os, sys
from depthactors.sharing import DepthReader
reader = DepthReader({name!r})
assert reader.view("BTCUSDT").last_update_id == 7
child = os.fork()
assert reader.view("BTCUSDT").last_update_id == 7 and reader.alive
if child == 0:
    reader.close()
    os._exit(0)
_, status = os.waitpid(child, 0)
assert reader.view("BTCUSDT").last_update_id == 7 and reader.alive
sys.exit(os.waitstatus_to_exitcode(status))
"""
    run = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    assert (run.returncode, run.stderr) == (0, "")


def write_exact(shared):
    _, slot = shared._books["BTCUSDT", "spot", 100]
    slot.write(pack(book_of(4), 5, LIVE, Decimal))


@pytest.mark.parametrize("expected", [Decimal, None])
def test_decimal_books_give_decimals(name, shared, expected):
    write_exact(shared)
    with DepthReader(name, number=expected) as reader:
        view = reader.view("BTCUSDT", 2)
        assert {type(number) for level in view.bids + view.asks for number in level} == {Decimal}
        assert reader.wait_live("BTCUSDT").mid == Decimal(view.mid)


def test_a_reader_of_other_numbers_than_the_engines_is_refused(name, shared):
    with pytest.raises(SharingError, match=r"keeps its books in float: expected .*number=float\), was number=Decimal"):
        DepthReader(name, number=Decimal)
    write_exact(shared)
    for attach in (DepthReader, DepthReader.wait_for_engine):
        with pytest.raises(SharingError, match=r"keeps its books in Decimal: expected .*number=Decimal\), was"):
            attach(name)


def test_a_reader_notices_that_the_next_engine_has_other_numbers(shared, reader):
    assert type(reader.view("BTCUSDT").best_bid[0]) is float
    write_exact(shared)
    for read in (reader.view, reader.wait, reader.wait_live):
        with pytest.raises(SharingError, match="keeps its books in Decimal"):
            read("BTCUSDT")


@pytest.mark.parametrize("number", [int, "float", str])
def test_another_number_type_is_refused(name, shared, number):
    with pytest.raises(UsageError, match="expected float or Decimal"):
        DepthReader(name, number=number)


def test_a_reader_leaves_no_descriptor_behind(name, shared):
    before = descriptors()
    for _ in range(3):
        with DepthReader(name) as reader:
            reader.view("BTCUSDT")
    del reader
    assert descriptors() == before
