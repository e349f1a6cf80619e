"""What a book puts into the queue of its recording."""

from types import SimpleNamespace

import pytest

from depthactors import markets
from depthactors.actors.book_recorder import BookRecorder
from depthactors.actors.book_spec import BookSpec
from depthactors.binance import Diff
from tests.actors.fake_disk import FakeDisk
from tests.support import SetClock

SPEC = BookSpec(markets.SPOT, "BTCUSDT", 20, 100, None, float)


@pytest.fixture
def book():
    entries = []
    recorder = BookRecorder(SPEC.title, None, SetClock(5.0), lambda _book, entry: entries.append(entry))

    def lines():
        files = FakeDisk().open(None, SPEC)
        for entry in entries:
            if entry.write is not None:
                entry.write(files)
        return files.lines

    return SimpleNamespace(recorder=recorder, entries=entries, lines=lines)


def test_the_frames_of_a_read_are_one_entry_with_the_time_of_the_read(book):
    for number in (1, 2):
        book.recorder.diff(b"{%d}" % number, Diff(number, number, number - 1, 0, [], []))
    assert book.entries == []
    book.recorder.flush(1.5)
    book.recorder.flush(1.6)
    (entry,) = book.entries
    assert (entry.events, entry.size, entry.has_data) == (2, 6, True)
    assert book.lines() == [("diff", 1_500_000_000, b"{%d}" % each, each, each, each - 1) for each in (1, 2)]


def test_a_frame_that_cannot_be_read_is_lost(book):
    book.recorder.unread()
    book.recorder.flush(2.0)
    assert book.lines() == [("lost", 2_000_000_000, 1, "a frame that cannot be read")]


def test_snapshots_and_other_frames_are_written_as_they_arrived(book):
    book.recorder.snapshot(b'{"lastUpdateId":7}', 7, 1.0)
    book.recorder.other([b"{}"], 2.0)
    assert book.lines() == [("snapshot", 10**9, b'{"lastUpdateId":7}', 7), ("other", 2 * 10**9, b"{}")]
    assert all(entry.has_data for entry in book.entries)


@pytest.mark.parametrize(
    ("news", "told"),
    [
        ([(1, None)], ["connected"]),
        ([(1, None), (1, None)], ["connected"]),
        ([(1, None), 1], ["connected", "disconnected"]),
        ([(1, None), 1, (2, None)], ["connected", "disconnected", "connected"]),
        ([(1, None), (2, 1), 1], ["connected"]),
        ([(1, None), (2, 1), 2], ["connected"]),
        ([(1, None), (2, 1), 1, 2], ["connected", "disconnected"]),
        ([(1, None), (2, None), 1], ["connected", "disconnected", "connected"]),
        ([(2, None), (1, None), 2], ["connected"]),
        ([3], []),
    ],
    ids=str,
)
def test_the_stream_is_down_when_no_connection_brings_it(book, news, told):
    for each in news:
        if isinstance(each, tuple):
            book.recorder.stream_up(*each)
        else:
            book.recorder.stream_down(each, "cut")
    assert [line[0] for line in book.lines()] == told


def noted(book, *ids):
    """Note events of these ids; return the ids that are written."""
    for each in ids:
        book.recorder.diff(b"{}", Diff(each, each, each - 1, 0, [], []))
    book.recorder.flush(1.0)
    return [line[4] for line in book.lines() if line[0] == "diff"]


def test_what_two_connections_bring_is_written_once(book):
    book.recorder.stream_up(1, None)
    assert noted(book, 1, 2, 2) == [1, 2, 2], "one connection's events are written as they arrive"
    book.entries.clear()
    book.recorder.stream_up(2, 1)
    noted(book, 1, 3, 2, 3, 4, 5)
    book.recorder.stream_down(1, "handed over")
    assert noted(book, 4, 5, 6) == [3, 4, 5, 6]
    book.entries.clear()
    assert noted(book, 6, 7) == [6, 7], "the successor has caught up"


def test_ids_that_begin_anew_beside_two_connections_are_written_again_soon(book):
    book.recorder.stream_up(1, None)
    book.recorder.stream_up(2, 1)
    assert noted(book, 1_000, *range(1, 500)) == [1_000, *range(101, 500)]


def test_the_end_is_queued_once(book):
    book.recorder.lost(3, "no room")
    book.recorder.end("given up")
    book.recorder.end("stopped")
    assert [(entry.write is None, entry.reason) for entry in book.entries] == [(False, ""), (True, "given up")]
    assert book.lines() == [("lost", 5 * 10**9, 3, "no room")]
