"""The inbox: control before data, data in order and bounded, timers in time."""

import threading
from itertools import groupby

import pykka
import pytest
from pykka._envelope import Envelope

from depthactors.actors.book_messages import StreamUp
from depthactors.actors.mailbox import FRAME_LIMIT, Frames, Mailbox, mailbox_of
from tests.actors.actor_support import Actors, hold, join
from tests.support import PATIENCE

PRODUCERS = 4
EACH = 2000


def frames(number, count=1):
    return Frames(number, [b"x"] * count, 0.0)


def some(count, size=1):
    return [b"x" * size] * count


def take(mailbox, count):
    return [mailbox.get().message for _ in range(count)]


def test_control_overtakes_data_and_each_lane_keeps_its_order():
    mailbox = Mailbox()
    mailbox.put_frames(frames(1))
    mailbox.put_ordered(StreamUp(2))
    mailbox.put(Envelope("first"))
    mailbox.put_frames(frames(3))
    mailbox.put(Envelope("second"))
    assert not mailbox.empty()
    assert take(mailbox, 5) == ["first", "second", frames(1), StreamUp(2), frames(3)]
    assert mailbox.empty()


def test_timers_come_in_the_order_of_their_times_not_of_their_setting():
    mailbox = Mailbox()
    mailbox.after(0.04, "later")
    mailbox.after(0.0, "now")
    mailbox.after(0.02, "soon")
    assert take(mailbox, 3) == ["now", "soon", "later"]


def test_timers_of_one_time_come_in_the_order_of_their_setting():
    mailbox = Mailbox()
    for number in range(20):
        mailbox.after(-1.0, number)
    assert take(mailbox, 20) == list(range(20))


def test_a_due_timer_goes_before_waiting_messages_and_another_does_not():
    mailbox = Mailbox()
    mailbox.put(Envelope("control"))
    mailbox.put_frames(frames(1))
    mailbox.after(0.0, "due")
    mailbox.after(60.0, "in a minute")
    assert take(mailbox, 3) == ["due", "control", frames(1)]
    assert mailbox.empty(), "a timer is nothing that waits"


def test_a_message_wakes_an_actor_that_waits_for_a_timer():
    mailbox = Mailbox()
    mailbox.after(60.0, "in a minute")
    thread = threading.Thread(target=mailbox.put, args=(Envelope("now"),))
    thread.start()
    assert mailbox.get().message == "now"
    thread.join()


def test_frames_have_room_up_to_the_limit_and_again_when_they_were_taken():
    mailbox = Mailbox(frame_limit=10)
    assert mailbox.has_room(some(10))
    assert not mailbox.has_room(some(11))
    mailbox.put_frames(frames(1, 6))
    mailbox.put_frames(frames(2, 4))
    assert (mailbox.waiting_frames, mailbox.has_room(some(0)), mailbox.has_room(some(1))) == (10, True, False)
    mailbox.get()
    assert (mailbox.waiting_frames, mailbox.has_room(some(6)), mailbox.has_room(some(7))) == (4, True, False)
    mailbox.get()
    assert mailbox.waiting_frames == 0


def test_the_bytes_of_what_waits_are_bounded_too():
    mailbox = Mailbox(byte_limit=100)
    assert mailbox.has_room(some(10, 10))
    assert not mailbox.has_room(some(1, 101))
    mailbox.put_frames(Frames(1, some(6, 10), 0.0))
    assert (mailbox.has_room(some(4, 10)), mailbox.has_room(some(5, 10))) == (True, False)
    mailbox.get()
    assert mailbox.has_room(some(10, 10))


def test_only_frames_count_against_the_bound():
    mailbox = Mailbox(frame_limit=1)
    for _ in range(50):
        mailbox.put(Envelope("control"))
        mailbox.put_ordered(StreamUp(1))
    assert mailbox.has_room(some(1))
    assert (mailbox.waiting_frames, mailbox.waiting_bytes) == (0, 0)
    assert Mailbox().has_room(some(FRAME_LIMIT))
    assert not Mailbox().has_room(some(FRAME_LIMIT + 1))


@pytest.mark.parametrize("lane", ["put", "put_ordered"])
def test_four_threads_at_once_lose_nothing_and_keep_each_ones_order(lane):
    mailbox = Mailbox()
    begin = threading.Barrier(PRODUCERS)

    def produce(producer):
        begin.wait(10)
        for number in range(EACH):
            message = (producer, number)
            getattr(mailbox, lane)(Envelope(message) if lane == "put" else message)

    threads = [threading.Thread(target=produce, args=(producer,)) for producer in range(PRODUCERS)]
    for thread in threads:
        thread.start()
    taken = sorted(take(mailbox, PRODUCERS * EACH), key=lambda message: message[0])
    for thread in threads:
        thread.join()
    for _, group in groupby(taken, key=lambda message: message[0]):
        assert [number for _, number in group] == list(range(EACH))
    assert mailbox.empty()


def test_dropped_frames_make_room_and_all_else_stays_in_order():
    mailbox = Mailbox(frame_limit=10, byte_limit=100)
    mailbox.put_ordered(StreamUp(1))
    mailbox.put_frames(Frames(1, some(6, 10), 0.0))
    mailbox.put_ordered(StreamUp(2))
    mailbox.put_frames(Frames(2, some(4, 10), 0.0))
    assert (mailbox.waiting_frames, mailbox.waiting_bytes) == (10, 100)
    assert mailbox.drop_frames() == 10
    assert (mailbox.waiting_frames, mailbox.waiting_bytes, mailbox.drop_frames()) == (0, 0, 0)
    mailbox.put_frames(Frames(2, some(10, 10), 0.0))
    assert not mailbox.has_room(some(1))
    assert take(mailbox, 5) == [
        StreamUp(1),
        Frames(1, [], 0.0),
        StreamUp(2),
        Frames(2, [], 0.0),
        Frames(2, some(10, 10), 0.0),
    ]
    assert (mailbox.waiting_frames, mailbox.waiting_bytes, mailbox.empty()) == (0, 0, True)


def test_frames_that_are_dropped_while_others_are_put_and_got_are_counted_once():
    mailbox, got, dropped = Mailbox(frame_limit=10**9), [], []
    done = threading.Event()

    def consume():
        while (message := mailbox.get().message) != "end":
            got.append(len(message.frames))

    def drop():
        while not done.is_set():
            dropped.append(mailbox.drop_frames())

    threads = [threading.Thread(target=consume), threading.Thread(target=drop)]
    for thread in threads:
        thread.start()
    for number in range(PRODUCERS * EACH):
        mailbox.put_frames(frames(number, 3))
    mailbox.put_ordered("end")
    threads[0].join(20)
    done.set()
    threads[1].join(20)
    assert len(got) == PRODUCERS * EACH
    assert sum(got) + sum(dropped) == 3 * PRODUCERS * EACH
    assert (mailbox.waiting_frames, mailbox.waiting_bytes) == (0, 0)


def test_it_serves_pykka_for_tell_ask_and_stop():
    class Adder(pykka.ThreadingActor):
        total = 0

        @staticmethod
        def _create_actor_inbox():
            return Mailbox()

        def on_receive(self, message):
            if message == "total":
                return self.total
            self.total += message
            return None

    ref = Adder.start()
    for number in range(10):
        ref.tell(number)
    assert ref.ask("total", timeout=5) == 45
    late = [ref.ask("total", block=False)]
    ref.stop(timeout=5)
    assert late[0].get(timeout=5) == 45
    with pytest.raises(pykka.ActorDeadError):
        ref.ask("total")


def test_a_question_behind_a_stop_gets_the_error_that_the_actor_is_dead():
    with Actors() as actors:
        ref, _ = actors.probe()
        let_go = hold(ref)
        ref.stop(block=False)
        answer = ref.ask("too late", block=False)
        let_go()
        with pytest.raises(pykka.ActorDeadError):
            answer.get(timeout=10)


def test_the_threads_of_an_actor_are_known_by_its_mailbox():
    assert Mailbox().threads == ()
    with Actors() as actors:
        probe, _ = actors.probe()
        (thread,) = mailbox_of(probe).threads
        assert thread.is_alive()
        probe.stop()
        thread.join(10)
        assert not thread.is_alive()


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
def test_the_lag_is_that_of_the_oldest_data(first, monkeypatch):
    now = 90.0
    monkeypatch.setattr("depthactors.actors.mailbox.time.monotonic", lambda: now)
    mailbox = Mailbox()
    assert mailbox.lag() == 0.0
    (mailbox.put_frames if isinstance(first, Frames) else mailbox.put_ordered)(first)
    now = 95.0
    mailbox.put_frames(Frames(1, [b"x"], 1.5))
    now = 100.0
    assert mailbox.lag() == 10.0
    mailbox.get()
    assert mailbox.lag() == 5.0
    mailbox.get()
    assert mailbox.lag() == 0.0


def test_two_connections_that_bring_frames_at_once_are_counted_right():
    mailbox = Mailbox(frame_limit=10**9)
    threads = [
        threading.Thread(target=lambda: [mailbox.put_frames(frames(1, 3)) for _ in range(EACH)]) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert mailbox.waiting_frames == 4 * 3 * EACH


def test_each_message_that_is_left_at_the_end_or_put_after_it_is_refused_once():
    mailbox, refused = Mailbox(), []
    mailbox.put(Envelope("left"))
    mailbox.close(lambda envelope: refused.append(envelope.message))
    mailbox.put(Envelope("late"))
    assert (refused, mailbox.empty()) == (["left", "late"], True)


def test_a_question_put_after_an_actors_last_look_is_answered_at_once(actors):
    ref, _ = actors.probe()
    ref.stop()
    join(ref)
    answer = pykka.ThreadingFuture()
    mailbox_of(ref).put(Envelope("question", reply_to=answer))
    with pytest.raises(pykka.ActorDeadError, match="probe ended before it handled str"):
        answer.get(timeout=0)
