"""The actor that puts bookTicker frames into a recording."""

import pytest

from depthactors.actors.book_messages import FramesLost, StreamDown, StreamUp
from depthactors.actors.ticker import TickerActor
from depthactors.dispatcher.mailbox import Frames
from depthactors.errors import StreamError, UsageError

FRAME = b'{"stream":"btcusdt@bookTicker","data":{"u":1,"s":"BTCUSDT","b":"1","B":"1","a":"2","A":"1"}}'
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
    assert ticker(Frames(1, [FRAME, FRAME], 1.5)) == [("frames", [FRAME, FRAME], 1.5)]


@pytest.mark.parametrize(
    "bad", [FRAME[:-1], b'{"stream":"btcusdt@bookTicker","data":[]}', FRAME[:-1] + b',"stream":"btcusdt@depth"}']
)
def test_a_frame_that_no_reader_of_the_file_could_read_is_left_out_and_noted(ticker, bad):
    assert ticker(Frames(1, [FRAME, bad], 1.5)) == [
        ("frames", [FRAME], 1.5),
        ("lost", 1, "a frame of bookTicker that cannot be read"),
    ]


def test_the_end_of_the_last_connection_is_noted(ticker):
    assert ticker(StreamUp(1), StreamUp(2, 1), StreamDown(1, CUT)) == []
    assert ticker(StreamDown(2, CUT), StreamDown(3, CUT)) == [("interrupted", "bookTicker: cut")]


def test_frames_without_room_are_noted(ticker):
    assert ticker(FramesLost(1, 7)) == [("lost", 7, "no room for frames of bookTicker")]
