"""The listeners of a book: which are called with what, and what happens if they raise or are slow."""

import gc
import threading
import weakref

import pytest

from depthactors.actors.base import ChildFailed
from depthactors.actors.book import BookActor
from depthactors.actors.book_event import BookEvent
from depthactors.actors.book_messages import Deepen, Greet, StreamDown, StreamUp
from depthactors.actors.cell import Listener
from depthactors.actors.snapshot_messages import SnapshotFailed
from depthactors.book import BookState
from depthactors.errors import ActorDiedError, MalformedFrameError, SlowCallbackError, SnapshotError, StreamError
from tests.actors.actor_support import BookScene, Host, frame, join
from tests.support import PATIENCE, Recorder

LIVE, STALE, SYNCING, FAILED = BookState.LIVE, BookState.STALE, BookState.SYNCING, BookState.FAILED


@pytest.mark.parametrize("kind", [ZeroDivisionError, SystemExit, KeyboardInterrupt])
def test_a_raising_callback_is_counted_and_affects_no_other(actors, kind):
    def broken(_anything):
        raise kind

    host = actors.start(Host)
    scene = BookScene(actors)
    scene.listen(broken, broken)
    last, last_events = Recorder(), Recorder()
    scene.listen(last, last_events)
    scene.go_live()
    scene.frames(frame(101, 101), frame(102, 102))
    assert last.wait(count=3) == [100, 101, 102]
    assert len(last_events.wait()) == 1
    row = scene.settled()
    # Three updates, the change of state, and the event that the first update raised.
    assert (row.state, row.counters.callback_errors) == (LIVE, 5)
    assert scene.reported.of(ChildFailed) == []
    assert host.ask("alive", timeout=5) == "alive"


@pytest.mark.parametrize("a_read", [1, 500], ids=["a frame a read", "500 frames a read"])
def test_a_slow_callback_is_called_with_the_latest_update_while_many_frames_wait(live, a_read):
    entered, leave, total = threading.Event(), threading.Event(), 1500
    calls = Recorder()

    def slow(last_id):
        calls(last_id)
        entered.set()
        leave.wait(10)

    live.listen(slow)
    assert entered.wait(10)
    for first in range(101, 101 + total, a_read):
        live.frames(*[frame(number, number) for number in range(first, first + a_read)], age=5.0)
    leave.set()
    calls.wait(matches=lambda last_id: last_id == 100 + total)
    row = live.settled()
    assert (row.state, row.last_update_id, row.counters.applied, row.counters.lost_frames) == (
        LIVE,
        100 + total,
        total,
        0,
    )
    assert calls.seen == sorted(calls.seen)
    assert len(calls.seen) < total / 2
    assert len(calls.seen) - 1 + row.counters.coalesced == total, "each update is either shown or counted"
    errors = [event.error for event in live.events.seen if event.error is not None]
    assert [type(error) for error in errors] == [SlowCallbackError]


@pytest.mark.parametrize(
    ("send_last", "shown", "skipped"),
    [
        (lambda scene: scene.frames(frame(101, 101), age=5.0), [100, 101], 0),
        (lambda scene: scene.frames(frame(101, 101), epoch=2), [100, 101], 0),
        (lambda scene: scene.frames(b"{", epoch=2), [100, 101], 0),
        (lambda scene: scene.frames(frame(102, 102), age=5.0), [100, 102], 1),
        (lambda scene: scene.frames(frame(102, 102), age=-PATIENCE), [100, 102], 1),
    ],
    ids=["a repetition", "the successor's", "unreadable, the successor's", "a late update", "an update in time"],
)
def test_a_late_update_is_shown_whatever_the_last_of_the_waiting_frames_brings(live, send_last, shown, skipped):
    entered, leave = threading.Event(), threading.Event()
    calls = Recorder()

    def slow(last_id):
        calls(last_id)
        entered.set()
        leave.wait(PATIENCE)

    live.send(StreamUp(2, 1))
    live.listen(slow)
    assert entered.wait(PATIENCE)
    live.frames(frame(101, 101), age=5.0)
    send_last(live)
    leave.set()
    row = live.settled()
    assert (row.state, calls.seen, row.counters.coalesced) == (LIVE, shown, skipped)


@pytest.mark.parametrize("listened", [True, False], ids=["one late update", "nobody to call"])
def test_callbacks_are_not_reported_as_late_if_no_update_was_skipped(actors, listened):
    scene = BookScene(actors)
    scene.go_live()
    if not listened:
        for listener in scene.cell.listeners:
            scene.cell.remove(listener)
        scene.listen(event=scene.events)
    scene.frames(*[frame(number, number) for number in range(101, 102 if listened else 111)], age=5.0)
    row = scene.settled()
    assert (row.last_update_id, row.counters.coalesced) == (101 if listened else 110, 0)
    assert [event.error for event in scene.events.seen if event.error is not None] == []


def test_a_flood_of_unreadable_events_is_reported_once_until_the_book_is_live_again(live, caplog):
    caplog.set_level("WARNING", "depthactors")
    for _ in range(50):
        live.frames(frame(101, 101, bids=[["-1", "1"]]))
    assert live.settled().counters.faults == 50
    errors = [event.error for event in live.events.seen if event.error is not None]
    assert [type(error) for error in errors] == [MalformedFrameError]
    assert len(caplog.records) == 1
    live.request(2)
    live.arrive(last_id=110)
    live.frames(frame(111, 111))
    live.updates.wait(matches=lambda last_id: last_id == 111)
    live.frames(frame(112, 112, bids=[["-1", "1"]]))
    live.settled()
    assert len([event for event in live.events.seen if event.error is not None]) == 2


def test_a_new_listener_of_a_quiet_book_is_called_at_once(live):
    late = Recorder()
    live.listen(late)
    assert late.wait() == [100]
    live.frames(frame(101, 101))
    assert late.wait(count=2) == [100, 101]


def test_a_new_listener_is_called_once_with_the_reason_why_the_book_is_not_live(actors):
    scene, error = BookScene(actors), SnapshotError("500")
    scene.send(StreamUp(1))
    scene.request(1)
    early, late = Recorder(), Recorder()
    # Added, and not greeted before there is news.
    listener = Listener(None, early)
    scene.cell.add(listener)
    scene.send(SnapshotFailed(1, error))
    scene.settled()
    scene.ref.tell(Greet(listener))
    scene.listen(event=late)
    scene.settled()
    expected = [BookEvent("BTCUSDT", SYNCING, SYNCING, error)]
    assert (scene.events.seen, early.seen, late.seen) == (expected, expected, expected)


def test_a_removed_listener_is_not_called_and_the_others_are(live):
    gone, stays = Recorder(), Recorder()
    listener = live.listen(gone, gone)
    live.listen(stays)
    stays.wait()
    live.cell.remove(listener)
    live.settled()
    live.frames(frame(101, 101))
    assert stays.wait(count=2) == [100, 101]
    assert gone.seen == [100]


def test_a_removed_listener_is_not_kept_alive_by_the_book(live):
    listener = live.listen(event=Recorder())
    held = weakref.ref(listener)
    live.send(StreamDown(1, StreamError("an event")))
    assert live.settled().state is STALE
    assert listener.notified
    live.cell.remove(listener)
    del listener
    gc.collect()
    assert held() is None


def test_a_listener_is_not_called_before_the_book_promises_its_levels(live):
    deeper = Recorder()
    live.cell.add(Listener(lambda book: deeper(book.depth), None, depth=11))
    live.frames(frame(101, 101))
    live.settled()
    assert deeper.seen == []
    live.send(Deepen(11))
    live.frames(frame(102, 102))
    assert deeper.wait(count=1)[0] == 11


def test_a_listener_whose_greeting_was_lost_with_the_actor_is_greeted_by_the_next_actor(live, actors):
    late, events = Recorder(), Recorder()
    # Added after the death was said, and its greeting goes to the dead actor.
    live.ref.tell(object())
    join(live.ref)
    live.cell.add(Listener(late, events))
    live.ref = actors.start(BookActor, "book-BTCUSDT", live.cell, live.snapshots, live.supervisor)
    assert isinstance(events.wait_one().error, ActorDiedError)
    live.send(StreamUp(1))
    live.arrive(last_id=110)
    assert late.wait_one().last_update_id == 110


def test_a_listener_is_greeted_only_once(live):
    late = Recorder()
    listener = live.listen(late)
    for _ in range(3):
        live.ref.tell(Greet(listener))
    live.settled()
    assert late.seen == [100]
