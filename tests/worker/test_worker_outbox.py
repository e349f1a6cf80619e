"""The messages of a worker: in order, updates merged, and none lost because another one cannot be sent."""

import logging
import threading

import pytest

from depthactors import BookState
from depthactors.actors.book_event import BookEvent
from depthactors.errors import LifecycleError, LineError
from depthactors.shards.channel import Channel
from depthactors.shards.messages import Alive, AllowanceCall, Answer, BookChanged, BooksUpdated, LeftOut
from depthactors.worker import unsent as module
from depthactors.worker.outbox import WorkerOutbox
from tests.shards.shard_support import PATIENCE


@pytest.fixture
def scene():
    here, descriptor = Channel.pair()
    there = Channel(descriptor)
    outbox = WorkerOutbox(here)
    yield outbox, there
    here.abort()
    outbox.stop(PATIENCE)
    for line in (here, there):
        line.close()


def test_messages_go_in_order_and_the_last_is_sent_before_the_end(scene):
    outbox, there = scene
    for number in range(100):
        outbox.put(number)
    outbox.start()
    outbox.put("last")
    outbox.stop(PATIENCE)
    assert [there.receive() for _ in range(101)] == [*range(100), "last"]


def test_updates_are_merged_and_none_is_left_out(scene):
    outbox, there = scene
    outbox.start()
    writers, times = 4, 500
    threads = [
        threading.Thread(target=lambda number=number: [outbox.put_updated(number) for _ in range(times)])
        for number in range(writers)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    outbox.put_updated(99)
    said = []
    while 99 not in said:
        message = there.receive()
        assert isinstance(message, BooksUpdated)
        assert len(set(message.book_ids)) == len(message.book_ids)
        said += message.book_ids
    assert set(said) == {*range(writers), 99}
    assert len(said) < writers * times / 2


def test_a_message_that_cannot_be_pickled_is_logged_and_the_others_are_sent(scene, caplog):
    outbox, there = scene
    outbox.start()
    with caplog.at_level(logging.WARNING, "depthactors"):
        outbox.put(threading.Lock())
        outbox.put(Answer(7, threading.Lock()))
        outbox.put("next")
        answer = there.receive()
        assert there.receive() == "next"
    assert (answer.request_id, type(answer.error)) == (7, LifecycleError)
    assert "cannot pickle" in caplog.text


def change(number, state, previous=BookState.LIVE):
    return BookChanged(number, 1, BookEvent("BTCUSDT", previous, state, None))


def test_what_waits_is_bounded_and_counted_and_has_the_present_state(scene):
    outbox, there = scene
    # Not started: as if the other process were stopped for hours.
    for number in range(module.ROOM + 100):
        outbox.put(AllowanceCall(0, None, "silence", (float(number),)))
        outbox.put(Alive(float(number)))
        outbox.put(change(1, BookState.STALE))
        outbox.put_updated(7)
    outbox.put(change(1, BookState.LIVE, BookState.STALE))
    outbox.put(change(2, BookState.STALE))
    outbox.put(Answer(5, "asked for"))
    outbox.start()
    outbox.put("last")
    threading.Thread(target=outbox.stop, args=(PATIENCE,)).start()
    came = [there.receive()]
    while not isinstance(came[-1], BooksUpdated):
        came.append(there.receive())
    assert came[0] == Alive(float(module.ROOM + 99)), "one sign of life is enough"
    changes = [each for each in came if isinstance(each, BookChanged) and each.book_id == 1]
    assert len(changes) == module.CHANGES
    assert changes[-1].event.state is BookState.LIVE, "what is so now is never left out"
    assert change(2, BookState.STALE) in came
    assert Answer(5, "asked for") in came, "somebody waits for it"
    assert came[-1] == BooksUpdated((7,))
    waited = sum(isinstance(each, AllowanceCall) for each in came)
    assert waited < module.ROOM
    assert LeftOut(outbox._unsent.left_out) in came
    sent = waited + module.CHANGES
    assert outbox._unsent.left_out == 2 * (module.ROOM + 100) + 1 - sent + ("last" not in came)


def test_a_withdrawn_message_is_not_sent(scene):
    outbox, there = scene
    outbox.put(AllowanceCall(1, None, "take_weight", (5,)))
    outbox.put(AllowanceCall(2, None, "take_weight", (5,)))
    outbox.withdraw(AllowanceCall(1, None, "take_weight", (5,)))
    outbox.withdraw(AllowanceCall(9, None, "take_weight", (5,)))
    outbox.start()
    assert there.receive().request_id == 2


def test_the_end_of_the_channel_ends_the_thread(scene):
    outbox, there = scene
    outbox.start()
    there.abort()
    with pytest.raises(LineError):
        there.receive()
    outbox.put("nobody reads this")
    outbox._thread.join(PATIENCE)
    assert not outbox._thread.is_alive()
