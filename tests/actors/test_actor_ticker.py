"""The actor that puts bookTicker frames into a recording."""

import pytest

from depthactors.actors.book_messages import FramesLost, StreamDown, StreamUp
from depthactors.actors.ticker import TickerActor
from depthactors.dispatcher.mailbox import Frames
from depthactors.errors import StreamError, UsageError

CUT = StreamError("cut")


class Taken(list):
    """Stands for the recorder of a book, and keeps what it is told."""

    def other(self, frames, recv_time):
        self.append(("frames", frames, recv_time))

    def interrupted(self, reason):
        self.append(("interrupted", reason))

    def lost(self, count, reason):
        self.append(("lost", count, reason))


@pytest.fixture
def ticker(actors):
    """Return a function that sends messages and returns what was recorded by then."""
    taken = Taken()
    ref = actors.start(TickerActor, "ticker-BTCUSDT", taken, actors.probe()[0])

    def tell(*messages):
        for message in messages:
            ref.tell(message)
        with pytest.raises(UsageError, match="expected frames, was str"):
            ref.ask("all that was before is handled")
        return taken

    return tell


def test_frames_are_recorded_as_they_come(ticker):
    assert ticker(Frames(1, [b"{}", b"{}"], 1.5)) == [("frames", [b"{}", b"{}"], 1.5)]


def test_the_end_of_the_last_connection_is_noted(ticker):
    assert ticker(StreamUp(1), StreamUp(2, 1), StreamDown(1, CUT)) == []
    assert ticker(StreamDown(2, CUT), StreamDown(3, CUT)) == [("interrupted", "bookTicker: cut")]


def test_frames_without_room_are_noted(ticker):
    assert ticker(FramesLost(1, 7)) == [("lost", 7, "no room for frames of bookTicker")]
