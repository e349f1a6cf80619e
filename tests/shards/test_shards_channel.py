"""The line between two processes, both ends of it here."""

import os
import pickle
import socket
import threading
from pathlib import Path

import pytest

from depthactors.actors.base import EngineActor
from depthactors.dispatcher import queue_watch
from depthactors.errors import LineError
from depthactors.shards import channel as module
from depthactors.shards.channel import Channel
from tests.shards.shard_support import PATIENCE, Rounds, Silent, end


class Unreadable:
    """Is sent, and cannot be made out at the other end."""

    def __reduce__(self):
        return (pickle.loads, (b"what is this",))


@pytest.fixture
def ends():
    here, descriptor = Channel.pair()
    there = Channel(descriptor)
    yield here, there
    for line in (here, there):
        line.abort()
        line.close()


def test_messages_of_any_size_arrive_in_order(ends):
    here, there = ends
    sent = ["small", b"x" * 3_000_000, {"number": 1}]
    sender = threading.Thread(target=lambda: [here.send(each) for each in sent])
    sender.start()
    assert [there.receive() for _ in sent] == sent
    sender.join(PATIENCE)
    there.send("back")
    assert here.receive() == "back"


def test_many_threads_send_whole_messages(ends):
    here, there = ends
    senders = [
        threading.Thread(target=lambda name=name: [here.send((name, each, b"." * 20_000)) for each in range(50)])
        for name in range(4)
    ]
    for sender in senders:
        sender.start()
    came = [there.receive() for _ in range(200)]
    for sender in senders:
        sender.join(PATIENCE)
    for name in range(4):
        assert [each for which, each, _ in came if which == name] == list(range(50))


@pytest.mark.parametrize("closing", [0, 1])
def test_either_process_can_end_the_channel_for_both(ends, closing):
    waiting = []

    def wait(line):
        with pytest.raises(LineError, match="the other process is gone"):
            line.receive()
        waiting.append(line)

    threads = [threading.Thread(target=wait, args=(line,)) for line in ends]
    for thread in threads:
        thread.start()
    ends[closing].abort()
    ends[closing].abort()
    for thread in threads:
        thread.join(PATIENCE)
    assert len(waiting) == 2
    for line in ends:
        with pytest.raises(LineError, match="expected the other process to read a message"):
            line.send("anybody there?")


def test_a_message_that_cannot_be_pickled_leaves_the_channel_as_it_was(ends):
    here, there = ends
    with pytest.raises((TypeError, AttributeError, pickle.PicklingError)):
        here.send(threading.Lock())
    here.send("next")
    assert there.receive() == "next"


def test_a_message_that_cannot_be_unpickled_is_an_error_of_the_channel(ends):
    here, there = ends
    here.send(Unreadable())
    with pytest.raises(LineError, match="UnpicklingError"):
        there.receive()


def test_without_patience_a_channel_waits(ends):
    here, there = ends
    here._patience = None
    rounds = Rounds(here, 50)
    sender = threading.Thread(target=here.send, args=(b"x" * 3_000_000,))
    sender.start()
    assert rounds.enough.wait(PATIENCE), "nobody takes anything"
    assert len(there.receive()) == 3_000_000
    sender.join(PATIENCE)
    here.send("next")
    assert there.receive() == "next"


class Sender(EngineActor):
    """Sends its messages through a channel."""

    def __init__(self, channel, dispatcher):
        super().__init__("sender", None, dispatcher)
        self._channel = channel

    def handle(self, message):
        self._channel.send(message)


@pytest.fixture
def unwatched(monkeypatch):
    """Let no dispatcher take the queue from an actor that holds it up."""
    monkeypatch.setattr(queue_watch, "_LOOK", 3600.0)


def test_an_actor_that_waits_for_room_holds_up_no_other_actor(ends, unwatched, dispatcher):
    here, there = ends
    here._patience = None
    sender, other = Sender.start(here, dispatcher), Silent.start(lambda _message: None, dispatcher)
    rounds = Rounds(here, 5)
    sent = sender.ask(b"." * 3_000_000, block=False)
    assert rounds.enough.wait(PATIENCE)
    other.ask("are you there?", timeout=PATIENCE / 2)
    assert len(there.receive()) == 3_000_000
    sent.get(timeout=PATIENCE)
    end(sender)
    end(other)


def test_the_end_of_the_other_process_ends_the_wait(ends):
    here, there = ends
    here._patience = None
    rounds, errors = Rounds(here, 5), []

    def send():
        with pytest.raises(LineError) as caught:
            here.send(b"x" * 3_000_000)
        errors.append(caught.value)

    sender = threading.Thread(target=send)
    sender.start()
    assert rounds.enough.wait(PATIENCE)
    there.abort()
    there.close()
    sender.join(PATIENCE)
    assert len(errors) == 1


def test_a_channel_whose_other_end_reads_nothing_is_aborted(monkeypatch):
    monkeypatch.setattr(module, "_SLICE", 20)
    here, descriptor = Channel.pair()
    there = Channel(descriptor)
    # More than both buffers take.
    with pytest.raises(LineError, match="expected the other process to read a message"):
        here.send(b"x" * 100_000_000)
    with pytest.raises(LineError):
        there.receive()
    for line in (here, there):
        line.close()


def test_a_fork_does_not_keep_the_channel_open(ends):
    here, there = ends
    leave, go_on = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(go_on)
        os.read(leave, 1)
        os._exit(0)
    try:
        here.abort()
        here.close()
        with pytest.raises(LineError):
            there.receive()
    finally:
        os.close(leave)
        os.close(go_on)
        os.waitpid(child, 0)


def test_a_fork_while_a_channel_is_made_does_not_keep_it_open(monkeypatch):
    plain, forking, ends = socket.socketpair, [], []

    def fork():
        child = os.fork()
        if child == 0:
            os._exit(sum(_is_open(end) for end in ends))
        forking.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))

    def socketpair():
        made = plain()
        ends.extend(end.fileno() for end in made)
        thread = threading.Thread(target=fork)
        thread.start()
        # As long as it takes, but for a fork that waits until the ends are noted.
        thread.join(0.2)
        threads.append(thread)
        return made

    threads = []
    monkeypatch.setattr(socket, "socketpair", socketpair)
    here, there = Channel.pair()
    threads[0].join(PATIENCE)
    assert forking == [0], "so many of the two ends were open in the fork"
    here.close()
    there.close()


def _is_open(descriptor):
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True


def test_descriptors_are_given_back():
    before = len([*Path("/proc/self/fd").iterdir()])
    for _ in range(10):
        here, descriptor = Channel.pair()
        there = Channel(descriptor)
        for line in (here, there):
            line.abort()
            line.close()
            line.abort()
    assert len([*Path("/proc/self/fd").iterdir()]) == before
