import threading

from depthactors.exchange.outbox import OVERFLOW, Outbox


class Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


def test_frames_come_out_in_order():
    outbox = Outbox()
    for frame in (b"1", b"2", b"3"):
        assert outbox.append(frame)
    assert [outbox.take() for _ in range(3)] == [b"1", b"2", b"3"]


def test_take_waits_for_a_frame():
    outbox = Outbox()
    taken = []
    taker = threading.Thread(target=lambda: taken.append(outbox.take()))
    taker.start()
    outbox.append(b"1")
    taker.join(5)
    assert taken == [b"1"]


def test_close_frees_the_taker_and_drops_the_rest():
    outbox = Outbox()
    outbox.append(b"1")
    outbox.close()
    assert outbox.take() is None
    assert outbox.append(b"2")
    assert outbox.wait_sent(0)
    assert outbox.wait_for_room()


def test_client_that_takes_nothing_from_its_full_queue_is_told_of():
    clock = Clock()
    outbox = Outbox(room=2, patience=5.0, clock=clock)
    assert outbox.append(b"1")
    assert outbox.append(b"2")
    assert outbox.append(b"3")
    clock.now = 5.0
    assert outbox.append(b"4")
    clock.now = 5.1
    assert not outbox.append(b"5")


def test_client_that_takes_some_is_not_until_it_is_far_behind():
    clock = Clock()
    outbox = Outbox(room=3, patience=5.0, clock=clock)
    taken = 0
    while outbox.append(b"1") and outbox.append(b"2"):
        clock.now += 4.0
        assert outbox.take()
        taken += 1
    assert taken == OVERFLOW * 3 - 1


def test_patience_counts_from_when_the_queue_became_full():
    clock = Clock()
    outbox = Outbox(room=2, patience=5.0, clock=clock)
    outbox.append(b"1")
    clock.now = 100.0
    assert outbox.append(b"2")
    assert outbox.append(b"3")


def test_wait_for_room_waits_until_a_frame_is_taken():
    outbox = Outbox(room=1)
    outbox.append(b"1")
    answers = []
    waiter = threading.Thread(target=lambda: answers.append(outbox.wait_for_room()))
    waiter.start()
    assert outbox.take() == b"1"
    waiter.join(5)
    assert answers == [True]


def test_wait_for_room_gives_up_on_a_client_that_takes_nothing():
    outbox = Outbox(room=1, patience=0.05)
    outbox.append(b"1")
    assert not outbox.wait_for_room()
    assert not outbox.wait_for_room(pause=0.0)


def test_wait_sent_counts_the_frame_in_flight():
    outbox = Outbox()
    assert outbox.wait_sent(0)
    outbox.append(b"1")
    assert not outbox.wait_sent(0)
    outbox.take()
    assert not outbox.wait_sent(0)
    taker = threading.Thread(target=outbox.take)
    taker.start()
    assert outbox.wait_sent(5)
    outbox.close()
    taker.join(5)
