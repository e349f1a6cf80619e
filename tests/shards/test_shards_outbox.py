"""What a worker says: in order, updates merged, and nothing lost for what cannot be said."""

import logging
import threading

import pytest
from shard_support import PATIENCE

from depthactors.errors import LifecycleError, LineError
from depthactors.shards.line import Line
from depthactors.shards.messages import Answer, Updated
from depthactors.shards.outbox import Outbox


@pytest.fixture
def scene():
    here, descriptor = Line.pair()
    there = Line(descriptor)
    outbox = Outbox(here)
    yield outbox, there
    here.close()
    outbox.end(PATIENCE)
    for line in (here, there):
        line.release()


def test_messages_go_in_order_and_the_last_is_sent_before_the_end(scene):
    outbox, there = scene
    for number in range(100):
        outbox.put(number)
    outbox.start()
    outbox.put("last")
    outbox.end(PATIENCE)
    assert [there.receive() for _ in range(101)] == [*range(100), "last"]


def test_updates_are_merged_and_none_is_left_out(scene):
    outbox, there = scene
    outbox.start()
    writers, times = 4, 500
    threads = [
        threading.Thread(target=lambda number=number: [outbox.updated(number) for _ in range(times)])
        for number in range(writers)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    outbox.updated(99)
    said = []
    while 99 not in said:
        message = there.receive()
        assert isinstance(message, Updated)
        assert len(set(message.numbers)) == len(message.numbers)
        said += message.numbers
    assert set(said) == {*range(writers), 99}
    assert len(said) < writers * times / 2


def test_what_cannot_be_pickled_is_said_so_and_the_rest_is_sent(scene, caplog):
    outbox, there = scene
    outbox.start()
    with caplog.at_level(logging.WARNING, "depthactors"):
        outbox.put(threading.Lock())
        outbox.put(Answer(7, threading.Lock()))
        outbox.put("next")
        answer = there.receive()
        assert there.receive() == "next"
    assert (answer.request, type(answer.error)) == (7, LifecycleError)
    assert "cannot pickle" in caplog.text


def test_the_end_of_the_line_ends_the_thread(scene):
    outbox, there = scene
    outbox.start()
    there.close()
    with pytest.raises(LineError):
        there.receive()
    outbox.put("nobody reads this")
    outbox._thread.join(PATIENCE)
    assert not outbox._thread.is_alive()
