"""The cell of a book of this process: what readers find there, whichever actor the book has."""

import threading
import time
from contextlib import closing
from decimal import Decimal

import pytest

from depthactors import DepthEngine, binance
from depthactors.actors.base import ChildFailed
from depthactors.actors.book import BookActor
from depthactors.actors.book_event import BookEvent
from depthactors.actors.book_messages import Deepen, GiveUp, StreamUp
from depthactors.actors.cell import Listener
from depthactors.actors.local_cell import LocalCell
from depthactors.actors.questions import Top
from depthactors.actors.snapshot_messages import SnapshotFailed, SnapshotWanted
from depthactors.actors.supervisor_messages import BookGivenUp
from depthactors.book import BookState, OrderBook
from depthactors.dispatcher.mailbox import Frames, mailbox_of
from depthactors.errors import ActorDiedError, EscalatedError, StreamError, UnknownSymbolError
from depthactors.pacing import USUAL
from depthactors.sync import Priority
from tests.actors.actor_support import FakeRest, FakeStreams, frame, hold, join, market_at, spec, usual
from tests.stepped import SteppedDispatcher
from tests.support import PATIENCE, Recorder, until

LIVE, STALE, SYNCING, FAILED = BookState.LIVE, BookState.STALE, BookState.SYNCING, BookState.FAILED
BID, ASK = [99.0, 1.5], [101.0, 2.5]


@pytest.fixture
def cell():
    return LocalCell(spec(), USUAL, SteppedDispatcher())


@pytest.fixture
def book():
    return OrderBook("BTCUSDT", binance.Snapshot(7, 0, 100, (2, 1), BID, ASK), depth=10, whole=True)


def test_before_the_first_book_there_is_a_view_of_nothing(cell):
    view = cell.view(None, float)
    assert (view.symbol, view.state, view.last_update_id) == ("BTCUSDT", BookState.SYNCING, 0)
    assert (view.bids, view.asks, view.best_bid) == ((), (), None)
    assert not cell.settled.is_set()
    assert cell.last_good() is None
    status = cell.status()
    assert (status.state, status.error, status.recording) == (SYNCING, None, None)
    numbers = "last_update_id", "age", "lag", "trusted_bids", "trusted_asks", "waiting_frames", "restarts"
    assert [getattr(status, name) for name in numbers] == [0] * len(numbers)


@pytest.mark.parametrize(
    ("state", "settled"),
    [
        (BookState.SYNCING, False),
        (BookState.LIVE, True),
        (BookState.STALE, False),
        (BookState.STOPPED, True),
        (BookState.FAILED, True),
    ],
)
def test_the_gate_is_shut_only_while_the_book_may_become_live(cell, book, state, settled):
    cell.settled.set()
    cell.publish(book, state)
    assert (cell.state, cell.settled.is_set()) == (state, settled)
    cell.settled.clear()
    cell.publish(book, state)
    assert cell.settled.is_set() is settled


@pytest.mark.parametrize("number", [float, Decimal])
def test_readers_get_both_sides_of_the_published_book(cell, book, number):
    cell.publish(book, BookState.LIVE)
    view = cell.view(5, number)
    assert (view.state, view.last_update_id) == (BookState.LIVE, 7)
    assert (view.best_bid, view.best_ask) == ((number("99.0"), number("1.5")), (number("101.0"), number("2.5")))
    assert {type(each) for each in (*view.best_bid, *view.best_ask)} == {number}


def test_a_half_changed_book_is_neither_read_nor_left_to_the_next_actor(cell, book):
    cell.publish(book, BookState.LIVE)
    assert cell.last_good() is book
    book.version += 1
    assert cell.view(5, float) is None
    assert cell.last_good() is None
    book.version += 1
    assert cell.view(5, float).last_update_id == 7


def test_a_book_whose_actor_is_gone_is_read_with_the_state_of_the_cell(cell, book):
    cell.publish(book, BookState.STALE)
    view = cell.view(None, float)
    assert (view.state, len(view.bids)) == (BookState.STALE, 1)


# What the book's actor leaves in it.


def test_an_unknown_symbol_fails_the_book_and_is_reported(scene):
    error = UnknownSymbolError("spot does not list 'BTCUSDT'")
    scene.send(StreamUp(1))
    scene.request(1)
    scene.send(SnapshotFailed(1, error))
    assert scene.events.wait_one() == BookEvent("BTCUSDT", SYNCING, FAILED, error)
    assert scene.reported.wait_one() == BookGivenUp(scene.cell)
    assert (scene.cell.error, scene.cell.settled.is_set()) == (error, True)
    assert scene.ref.ask(Top(5), timeout=5).state is FAILED
    late = Recorder()
    scene.listen(event=late)
    assert late.wait_one() == BookEvent("BTCUSDT", FAILED, FAILED, error)
    assert len(scene.requests.of(SnapshotWanted)) == 1


@pytest.mark.parametrize("depth", [5, 10])
def test_deepening_to_no_more_than_is_promised_leaves_the_book_settled(live, depth):
    # As the supervisor does: not settled until the actor has seen whether the book is deep enough.
    live.cell.settled.clear()
    live.ref.tell(Deepen(depth))
    assert live.settled().state is LIVE
    assert live.cell.settled.is_set()


def test_a_failed_book_has_an_error_and_still_answers(live):
    error = EscalatedError("enough")
    live.ref.tell(GiveUp(error))
    assert live.events.wait_one(matches=lambda event: event.error) == BookEvent("BTCUSDT", LIVE, FAILED, error)
    view = live.ref.ask(Top(2), timeout=5)
    assert (view.state, view.last_update_id, len(view.bids)) == (FAILED, 100, 2)


def test_a_stopped_book_is_labelled_and_keeps_its_last_view(live):
    live.ref.stop(timeout=5)
    join(live.ref)
    assert (live.events.seen[-1].previous, live.events.seen[-1].state) == (LIVE, BookState.STOPPED)
    view = live.cell.view(5, float)
    assert (view.state, view.last_update_id, live.cell.settled.is_set()) == (BookState.STOPPED, 100, True)


def test_a_dead_actor_leaves_a_stale_book_that_the_next_actor_makes_live(actors, live):
    live.ref.tell(object())
    assert live.reported.wait_one(ChildFailed).ref == live.ref
    died = live.events.wait_one(matches=lambda event: event.error)
    assert (died.previous, died.state, type(died.error)) == (LIVE, STALE, ActorDiedError)
    assert live.cell.view(5, float).state is STALE
    live.ref = actors.start(BookActor, "book-BTCUSDT", live.cell, live.snapshots, live.supervisor)
    view = live.ref.ask(Top(5), timeout=5)
    assert (live.cell.ref, view.state, view.last_update_id, len(view.bids)) == (live.ref, STALE, 100, 5)
    live.send(StreamUp(2))
    assert live.request(2).priority is Priority.RESYNC
    live.arrive(epoch=2, last_id=140)
    assert live.updates.wait(count=2) == [100, 140], "the listeners stayed with the cell"


def test_a_book_that_is_subscribed_to_again_when_it_fails_keeps_its_stream():
    asked, again = [], Recorder()

    def answer(symbol, limit):
        asked.append(symbol)
        if asked.count("BTCUSDT") == 1 and symbol == "BTCUSDT":
            return 400, {}, {"code": -1121, "msg": "Invalid symbol."}
        return FakeRest.snapshot(symbol, limit)

    with closing(FakeRest()) as rest, closing(FakeStreams()) as streams:
        rest.on_request = answer
        with DepthEngine(market_at(streams, rest_url=rest.url)) as engine:

            def on_event(event):
                if event.state is FAILED:
                    again(engine.subscribe("BTCUSDT", depth=1))

            engine.subscribe("ETHUSDT", depth=1).wait_live(10)
            failed = engine.subscribe("BTCUSDT", depth=1, on_event=on_event)
            book = again.wait_one().wait_live(5)
            join(failed.ref)
            engine.status()
            streams.send(frame(101, 101))
            until(lambda: book.view().last_update_id == 101, 3)


def test_a_book_whose_actor_is_stuck_is_stale_to_its_readers(actors, book):
    probe, _ = actors.probe()
    cell = LocalCell(spec(), usual(lag_limit=0.05), actors.dispatcher)
    cell.ref = probe
    cell.publish(book, LIVE)
    assert (cell.state_of(10), cell.view(5, float).state, cell.lag()) == (LIVE, LIVE, 0.0)
    let_go = hold(probe)
    mailbox_of(probe).put_frames(Frames(1, [b"x"], time.time()))
    until(lambda: cell.lag() > 0.05)
    assert (cell.state_of(10), cell.view(5, float).state, cell.status().state) == (STALE, STALE, STALE)
    assert cell.status().lag > 0.05
    assert cell.state is LIVE, "what the actor said last"
    let_go()
    until(lambda: cell.state_of(10) is LIVE)


def test_in_a_fork_the_book_is_stopped_and_a_lock_of_the_parent_holds_up_nothing(cell):
    held, leave = threading.Event(), threading.Event()

    def hold_lock():
        with cell._changing:
            held.set()
            leave.wait(PATIENCE)

    thread = threading.Thread(target=hold_lock)
    thread.start()
    assert held.wait(PATIENCE)
    error = StreamError("in a fork")
    cell.detach(error)
    listener = Listener(None, None)
    cell.add(listener)
    assert thread.is_alive()
    leave.set()
    thread.join(PATIENCE)
    assert (cell.state, cell.error, cell.listeners) == (BookState.STOPPED, error, (listener,))
    assert cell.settled.is_set()


def test_the_backlog_is_what_waits_for_the_actor_and_in_it(actors, cell):
    assert cell.backlog() == 0
    cell.ref, _ = actors.probe()
    let_go = hold(cell.ref)
    mailbox_of(cell.ref).put_frames(Frames(1, [b"four", b"four"], time.time()))
    assert cell.backlog() == 8
    cell.buffered_bytes = lambda: 100
    assert cell.backlog() == 108
    let_go()


def test_a_live_book_is_stale_in_what_it_does_not_promise(cell, book):
    cell.publish(book, LIVE)
    assert (cell.state_of(10), cell.state_of(11)) == (LIVE, STALE)
