"""What a worker has not sent: in which order it goes, and what is left out."""

from depthactors import BookState
from depthactors.actors.book_event import BookEvent
from depthactors.shards.messages import Alive, Answer, BookChanged, BooksUpdated, LeftOut
from depthactors.worker.unsent import CHANGES, ROOM, Unsent


def change(number, state):
    return BookChanged(number, 1, BookEvent("BTCUSDT", BookState.LIVE, state, None))


def taken(unsent, *, updates=True):
    return list(iter(lambda: unsent.take(updates=updates), None))


def test_the_latest_sign_of_life_goes_first_and_updates_last():
    unsent = Unsent()
    unsent.updated.add(7)
    assert [unsent.put(each) for each in ("one", Alive(1.0), Alive(2.0), "two")] == [True, True, False, True]
    assert taken(unsent, updates=False) == [Alive(2.0), "one", "two"]
    assert taken(unsent) == [BooksUpdated((7,))]
    assert taken(unsent) == []


def test_a_book_keeps_its_latest_events_and_what_was_left_out_is_counted():
    unsent = Unsent()
    for _ in range(CHANGES + 3):
        unsent.put(change(1, BookState.STALE))
    unsent.put(change(1, BookState.LIVE))
    *changes, left_out = taken(unsent)
    assert (len(changes), changes[-1].event.state) == (CHANGES, BookState.LIVE)
    assert left_out == LeftOut(4)


def test_beyond_the_room_answers_alone_are_kept():
    unsent = Unsent()
    for number in range(ROOM + 1):
        unsent.put(number)
    unsent.put(Answer(5, "asked for"))
    assert taken(unsent) == [*range(ROOM), Answer(5, "asked for"), LeftOut(1)]


def test_a_withdrawn_message_is_not_taken():
    unsent = Unsent()
    unsent.put("one")
    unsent.withdraw("one")
    unsent.withdraw("never put")
    assert taken(unsent) == []
