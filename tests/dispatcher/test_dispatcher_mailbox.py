"""The inbox: control before data, data in order and bounded, timers in time, and so much a turn."""

import gc
import threading
import weakref
from itertools import groupby

import pykka
import pytest
from pykka._envelope import Envelope

from depthactors.actors.book_messages import StreamUp
from depthactors.dispatcher.actor import DispatchedActor
from depthactors.dispatcher.life import Life
from depthactors.dispatcher.mailbox import FRAME_LIMIT, TURN_BYTE_LIMIT, TURN_LIMIT, Frames, Mailbox, mailbox_of
from tests.actors.actor_support import Actors, hold, join
from tests.stepped import SteppedDispatcher
from tests.support import PATIENCE, Recorder

PRODUCERS = 4
EACH = 2000


def frames(number, count=1):
    return Frames(number, [b"x"] * count, 0.0)


def some(count, size=1):
    return [b"x" * size] * count


@pytest.fixture
def stepped():
    return SteppedDispatcher()


@pytest.fixture
def actors(dispatcher):
    with Actors(dispatcher) as actors:
        yield actors


@pytest.fixture
def make(stepped):
    """Return a function that makes a mailbox which is not open yet."""

    def make(**limits):
        mailbox = Mailbox(**limits)
        mailbox.attach(stepped, "test")
        return mailbox

    return make


def take(mailbox, turns=None):
    """Open a mailbox, or go on, and return what it hands over; all of it, or that of some turns."""
    taken = []
    mailbox.open(Life("test"), lambda message, _reply_to: taken.append(message), crash=None)
    if turns is None:
        mailbox.dispatcher.run()
    else:
        for _ in range(turns):
            mailbox.take_turn()
    return taken


def test_nothing_is_handed_over_before_it_is_open(make, stepped):
    mailbox = make()
    mailbox.put(Envelope("control"))
    mailbox.put_frames(frames(1))
    mailbox.after(0.0, "due")
    stepped.run()
    assert take(mailbox) == ["due", "control", frames(1)]


def test_control_overtakes_data_and_each_queue_keeps_its_order(make):
    mailbox = make()
    mailbox.put_frames(frames(1))
    mailbox.put_ordered(StreamUp(2))
    mailbox.put(Envelope("first"))
    mailbox.put_frames(frames(3))
    mailbox.put(Envelope("second"))
    assert not mailbox.empty()
    assert take(mailbox) == ["first", "second", frames(1), StreamUp(2), frames(3)]
    assert mailbox.empty()


def test_timers_are_handled_at_their_times(make, stepped):
    mailbox, taken = make(), []
    mailbox.open(Life("test"), lambda message, _: taken.append((message, stepped.now)), crash=None)
    mailbox.after(4.0, "later")
    mailbox.after(0.0, "now")
    mailbox.after(2.0, "soon")
    stepped.pass_time(3.0)
    assert taken == [("now", 0.0), ("soon", 2.0)]
    assert mailbox.empty(), "a timer is nothing that waits"
    stepped.pass_time(3.0)
    assert taken[2:] == [("later", 4.0)]


def test_a_due_timer_goes_before_waiting_messages(make, stepped):
    mailbox = make()
    mailbox.put(Envelope("control"))
    mailbox.put_frames(frames(1))
    mailbox.put_due("due")
    assert take(mailbox) == ["due", "control", frames(1)]


def test_timers_that_are_always_due_delay_no_control_message(make):
    mailbox, taken = make(), []

    def handle(message, _reply_to):
        taken.append(message)
        if message == "due":
            mailbox.put_due("due")

    mailbox.open(Life("test"), handle, crash=None)
    mailbox.put_due("due")
    for number in range(3):
        mailbox.put(Envelope(number))
    mailbox.take_turn()
    assert taken[:7] == ["due", 0, "due", 1, "due", 2, "due"]


def test_a_turn_is_bounded_in_messages_and_frames(make):
    mailbox = make()
    for number in range(TURN_LIMIT + 5):
        mailbox.put(Envelope(number))
    assert take(mailbox, turns=1) == list(range(TURN_LIMIT))
    assert take(mailbox, turns=1) == list(range(TURN_LIMIT, TURN_LIMIT + 5))
    mailbox.put_frames(frames(1, 10))
    mailbox.put_frames(frames(2, TURN_LIMIT))
    mailbox.put_frames(frames(3, 1))
    first = take(mailbox, turns=1)
    assert first == [frames(1, 10), frames(2, TURN_LIMIT - 10)]
    assert mailbox.waiting_frames == 10 + 1
    assert take(mailbox, turns=1) == [frames(2, 10), frames(3, 1)]
    assert (mailbox.waiting_frames, mailbox.waiting_bytes, mailbox.empty()) == (0, 0, True)


def test_a_turn_is_bounded_in_bytes_but_for_the_rest_of_a_frame(make):
    mailbox = make()
    half, large = b"x" * (TURN_BYTE_LIMIT // 2), b"x" * (3 * TURN_BYTE_LIMIT)
    mailbox.put_frames(Frames(1, [half, half, half, b"x", large, b"y", large], 0.0))
    mailbox.put_frames(Frames(1, [large], 0.0))
    turns = [[frame for each in take(mailbox, turns=1) for frame in each.frames] for _ in range(4)]
    assert turns == [[half, half], [half, b"x", large], [b"y", large], [large]]
    assert (mailbox.waiting_frames, mailbox.waiting_bytes, mailbox.empty()) == (0, 0, True)


def test_a_message_of_any_number_of_frames_is_handed_over_in_turns_and_keeps_its_order_and_age(make, stepped):
    mailbox = make()
    numbered = [b"%d" % number for number in range(10 * TURN_LIMIT + 1)]
    mailbox.put_frames(Frames(1, list(numbered), 5.0))
    stepped.now = 4.0
    (first,) = take(mailbox, turns=1)
    assert (len(first.frames), first.epoch, first.recv_time) == (TURN_LIMIT, 1, 5.0)
    assert (mailbox.lag(), mailbox.waiting_bytes) == (4.0, sum(map(len, numbered[TURN_LIMIT:])))
    # Control overtakes the rest, and frames that come later do not.
    mailbox.put(Envelope("control"))
    mailbox.put_frames(Frames(1, [b"last"], 6.0))
    control, *rest = take(mailbox)
    assert control == "control"
    assert [frame for each in (first, *rest) for frame in each.frames] == [*numbered, b"last"]


def test_what_leaves_the_handler_is_given_to_the_actor(make, stepped):
    mailbox, crashes = make(), []
    error = MemoryError()

    def handle(_message, _reply_to):
        raise error

    mailbox.open(Life("test"), handle, crashes.append)
    mailbox.put(Envelope("control"))
    stepped.run()
    assert crashes == [error]


def test_frames_have_room_up_to_the_limit_and_again_when_they_were_taken(make):
    mailbox = make(frame_limit=10)
    assert mailbox.has_room(some(10))
    assert not mailbox.has_room(some(11))
    mailbox.put_frames(frames(1, 6))
    mailbox.put_frames(frames(2, 4))
    assert (mailbox.waiting_frames, mailbox.has_room(some(0)), mailbox.has_room(some(1))) == (10, True, False)
    took = []

    def handle(message, _reply_to):
        took.append((message.epoch, mailbox.waiting_frames, mailbox.has_room(some(6)), mailbox.has_room(some(7))))

    mailbox.open(Life("test"), handle, crash=None)
    mailbox.take_turn()
    assert took == [(1, 4, True, False), (2, 0, True, True)]


def test_the_bytes_of_what_waits_are_bounded_too(make):
    mailbox = make(byte_limit=100)
    assert mailbox.has_room(some(10, 10))
    assert not mailbox.has_room(some(1, 101))
    mailbox.put_frames(Frames(1, some(6, 10), 0.0))
    assert (mailbox.has_room(some(4, 10)), mailbox.has_room(some(5, 10))) == (True, False)
    take(mailbox)
    assert mailbox.has_room(some(10, 10))


def test_only_frames_count_against_the_bound(make):
    mailbox = make(frame_limit=1)
    for _ in range(50):
        mailbox.put(Envelope("control"))
        mailbox.put_ordered(StreamUp(1))
    assert mailbox.has_room(some(1))
    assert (mailbox.waiting_frames, mailbox.waiting_bytes) == (0, 0)
    assert make().has_room(some(FRAME_LIMIT))
    assert not make().has_room(some(FRAME_LIMIT + 1))


class Taking(DispatchedActor):
    """Records all messages."""

    def __init__(self, dispatcher, record):
        super().__init__(dispatcher)
        self._record = record

    def on_receive(self, message):
        self._record(message)


@pytest.mark.parametrize("queue", ["put", "put_ordered"])
def test_four_threads_at_once_lose_nothing_and_keep_each_ones_order(actors, queue):
    record, begin = Recorder(), threading.Barrier(PRODUCERS)
    mailbox = mailbox_of(actors.start(Taking, actors.dispatcher, record))

    def produce(producer):
        begin.wait(10)
        for number in range(EACH):
            message = (producer, number)
            getattr(mailbox, queue)(Envelope(message) if queue == "put" else message)

    threads = [threading.Thread(target=produce, args=(producer,)) for producer in range(PRODUCERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    taken = sorted(record.wait(count=PRODUCERS * EACH), key=lambda message: message[0])
    for _, group in groupby(taken, key=lambda message: message[0]):
        assert [number for _, number in group] == list(range(EACH))
    assert mailbox.empty()


def test_dropped_frames_make_room_and_all_else_stays_in_order(make):
    mailbox = make(frame_limit=10, byte_limit=100)
    mailbox.put_ordered(StreamUp(1))
    mailbox.put_frames(Frames(1, some(6, 10), 0.0))
    mailbox.put_ordered(StreamUp(2))
    mailbox.put_frames(Frames(2, some(4, 10), 0.0))
    assert (mailbox.waiting_frames, mailbox.waiting_bytes) == (10, 100)
    assert mailbox.drop_frames() == 10
    assert (mailbox.waiting_frames, mailbox.waiting_bytes, mailbox.drop_frames()) == (0, 0, 0)
    mailbox.put_frames(Frames(2, some(10, 10), 0.0))
    assert not mailbox.has_room(some(1))
    assert take(mailbox) == [
        StreamUp(1),
        Frames(1, [], 0.0),
        StreamUp(2),
        Frames(2, [], 0.0),
        Frames(2, some(10, 10), 0.0),
    ]
    assert (mailbox.waiting_frames, mailbox.waiting_bytes, mailbox.empty()) == (0, 0, True)


def test_frames_that_are_dropped_while_others_are_put_and_taken_are_counted_once(actors):
    taken, dropped, done, last = [], [], threading.Event(), threading.Event()

    def record(message):
        if message == "last":
            last.set()
        else:
            taken.append(len(message.frames))

    mailbox = mailbox_of(actors.start(Taking, actors.dispatcher, record))

    def drop():
        while not done.is_set():
            dropped.append(mailbox.drop_frames())

    thread = threading.Thread(target=drop)
    thread.start()
    # More than a turn's, so that some are dropped between two pieces of one message.
    for number in range(EACH):
        mailbox.put_frames(frames(number, 3 * TURN_LIMIT))
    mailbox.put_ordered("last")
    assert last.wait(PATIENCE)
    done.set()
    thread.join(PATIENCE)
    assert sum(taken) + sum(dropped) == 3 * TURN_LIMIT * EACH
    assert (mailbox.waiting_frames, mailbox.waiting_bytes) == (0, 0)


def test_a_question_behind_a_stop_gets_the_error_that_the_actor_is_dead(actors):
    ref, _ = actors.probe()
    let_go = hold(ref)
    ref.stop(block=False)
    answer = ref.ask("too late", block=False)
    let_go()
    with pytest.raises(pykka.ActorDeadError):
        answer.get(timeout=10)


def test_what_ends_with_an_actor_is_known_by_its_mailbox(actors):
    assert Mailbox().endings == ()
    probe, _ = actors.probe()
    helper = threading.Thread()
    mailbox_of(probe).helpers = (helper,)
    life, *helpers = mailbox_of(probe).endings
    assert (life, life.is_alive(), helpers) == (mailbox_of(probe).life, True, [helper])
    mailbox_of(probe).helpers = ()
    probe.stop()
    life.join(PATIENCE)
    assert not life.is_alive()


def test_the_threads_of_ended_children_are_kept_until_they_are_over():
    mailbox, leave = Mailbox(), threading.Event()
    over, ending = threading.Thread(target=lambda: None), threading.Thread(target=leave.wait, args=(PATIENCE,))
    for thread in (over, ending):
        thread.start()
    over.join(PATIENCE)
    mailbox.inherit((over, ending))
    assert mailbox.inherited == {ending}
    leave.set()
    ending.join(PATIENCE)
    mailbox.inherit(())
    assert mailbox.inherited == set()


@pytest.mark.parametrize("first", [Frames(1, [b"x"], 1.5), StreamUp(2)], ids=lambda each: type(each).__name__)
def test_the_lag_is_that_of_the_oldest_data(make, stepped, first):
    mailbox, lags = make(), []
    assert mailbox.lag() == 0.0
    (mailbox.put_frames if isinstance(first, Frames) else mailbox.put_ordered)(first)
    stepped.now = 5.0
    mailbox.put_frames(Frames(1, [b"x"], 1.5))
    stepped.now = 10.0
    lags.append(mailbox.lag())
    mailbox.open(Life("test"), lambda *_: lags.append(mailbox.lag()), crash=None)
    mailbox.take_turn()
    assert lags == [10.0, 5.0, 0.0]


def test_two_connections_that_bring_frames_at_once_are_counted_right(make):
    mailbox = make(frame_limit=10**9)
    threads = [
        threading.Thread(target=lambda: [mailbox.put_frames(frames(1, 3)) for _ in range(EACH)]) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert mailbox.waiting_frames == 4 * 3 * EACH


def test_each_message_that_is_left_at_the_end_or_put_after_it_is_refused_once(make, stepped):
    mailbox, refused = make(), []
    mailbox.put(Envelope("left"))
    mailbox.close(lambda envelope: refused.append(envelope.message))
    mailbox.put(Envelope("late"))
    mailbox.put_due("a timer")
    assert (refused, mailbox.empty()) == (["left", "late"], True)
    stepped.run()


def test_the_data_of_a_dead_actor_is_dropped_whether_it_was_put_before_the_end_or_after_it(make, stepped):
    mailbox = make(frame_limit=10)
    mailbox.put_frames(frames(1, 9))
    mailbox.close(lambda _envelope: None)
    for _ in range(2):
        stepped.now += 5.0
        assert (mailbox.waiting_frames, mailbox.waiting_bytes, mailbox.lag()) == (0, 0, 0.0)
        assert mailbox.empty()
        assert mailbox.has_room(some(9))
        mailbox.put_frames(frames(1, 9))
        mailbox.put_ordered("a notice")
    stepped.run()


def test_the_timers_of_a_dead_actor_do_not_keep_it_in_memory(make, stepped):
    mailbox = make()
    mailbox.after(3600.0, "in an hour")
    mailbox.close(lambda _envelope: None)
    left = weakref.ref(mailbox)
    del mailbox
    gc.collect()
    assert left() is None
    stepped.pass_time(3600.0)


def test_a_question_put_after_an_actors_last_look_is_answered_at_once(actors):
    ref, _ = actors.probe()
    ref.stop()
    join(ref)
    answer = pykka.ThreadingFuture()
    mailbox_of(ref).put(Envelope("question", reply_to=answer))
    with pytest.raises(pykka.ActorDeadError, match="probe ended before it handled str"):
        answer.get(timeout=0)
