"""The files of one recorded book: what is written, what a failure leaves out, and when they are opened anew."""

from functools import partial
from types import SimpleNamespace

import pytest

from depthactors import markets
from depthactors.actors.book_spec import BookSpec
from depthactors.actors.book_writer import BookWriter
from depthactors.actors.recording_entry import Entry
from depthactors.errors import RecordingError
from tests.actors.fake_disk import FULL, FakeDisk
from tests.support import SetClock

RETRY, PATIENCE = 5.0, 2.0
SPEC = BookSpec(markets.SPOT, "BTCUSDT", 20, 100, None, float)


def diff(number):
    return Entry(lambda files: files.diff(number, b"{}", number, number, number - 1), events=1, size=2)


END = Entry(None, "it is over")


@pytest.fixture
def book():
    clock, disk = SetClock(100.0), FakeDisk()
    clock.random = lambda: 0.5
    return SimpleNamespace(
        clock=clock, disk=disk, writer=BookWriter(partial(disk.open, None, SPEC), clock, RETRY, PATIENCE)
    )


def test_no_file_is_opened_before_there_is_data(book):
    book.writer.write(Entry(lambda files: files.connected(1)))
    book.writer.tick()
    assert (book.disk.files, book.writer.status().files) == ([], 0)
    book.writer.write(diff(1))
    (files,) = book.disk.files
    assert files.lines == [("diff", 1, b"{}", 1, 1, 0)]


def test_the_end_closes_the_file_and_nothing_is_written_after_it(book):
    for entry in (diff(1), END, diff(2), END):
        book.writer.write(entry)
    (files,) = book.disk.files
    assert files.closed == (100_000_000_000, "it is over")
    assert (len(files.lines), book.writer.is_over) == (1, True)
    status = book.writer.status()
    assert (status.frames, status.bytes, status.files, status.lost, status.error) == (1, 2, 1, 0, None)


def test_a_full_disk_is_an_error_until_frames_are_written_again(book):
    book.writer.write(diff(1))
    book.disk.full = FULL
    for number in (2, 3):
        book.writer.write(diff(number))
    assert book.writer.status().error == str(FULL)
    book.disk.full = None
    book.writer.write(Entry(lambda files: files.connected(4)))
    assert book.writer.error is FULL, "nothing shows yet that frames are written"
    book.writer.write(diff(4))
    (files,) = book.disk.files
    assert (book.writer.error, [line[1] for line in files.lines]) == (None, [1, 4, 4])
    assert book.writer.status().failures == 2


def test_files_that_another_process_is_just_closing_are_opened_in_a_moment_and_nothing_is_lost(book):
    book.disk.refuses = RecordingError("/data", 0, "expected a file that no other recorder has open")
    for number in range(1, 4):
        book.writer.write(diff(number))
        book.clock.now += 0.3
    book.disk.refuses = None
    book.writer.tick()
    (files,) = book.disk.files
    status = book.writer.status()
    assert [line[1] for line in files.lines] == [1, 2, 3]
    assert (status.error, status.lost, status.failures) == (None, 0, 0)


def test_files_that_cannot_be_opened_are_an_error_and_tried_again_after_a_growing_wait(book):
    book.disk.refuses = RecordingError("/data", 0, "expected a folder of spot")
    book.writer.write(diff(1))
    book.clock.now += PATIENCE
    book.writer.write(diff(2))
    assert (book.writer.status().error, book.writer.status().lost) == ("/data: expected a folder of spot", 2)
    book.clock.now += RETRY
    book.writer.write(diff(3))
    book.disk.refuses = None
    book.clock.now += RETRY
    book.writer.write(diff(4))
    assert book.disk.files == [], "the second wait is longer"
    book.clock.now += RETRY
    book.writer.write(diff(5))
    (files,) = book.disk.files
    assert [line[0] for line in files.lines] == ["lost", "diff"]
    assert (files.lines[0][2], book.writer.error, book.writer.status().lost) == (4, None, 4)


def test_what_is_held_at_the_end_is_written_if_the_files_can_be_opened_by_then(book):
    book.disk.refuses = RecordingError("/data", 0, "open")
    book.writer.write(diff(1))
    book.disk.refuses = None
    book.writer.write(END)
    (files,) = book.disk.files
    assert ([line[1] for line in files.lines], files.closed[1]) == ([1], "it is over")


def test_what_is_held_at_the_end_is_lost_if_they_cannot(book):
    book.disk.refuses = RecordingError("/data", 0, "open")
    book.writer.write(diff(1))
    book.writer.write(END)
    assert (book.writer.status().lost, book.writer.status().error, book.writer.is_over) == (1, "/data: open", True)


def test_what_found_no_room_in_the_queue_is_told_before_what_comes_after_it(book):
    book.writer.write(diff(1))
    book.writer.write(diff(9)._replace(missing=7))
    assert [line[0] for line in book.disk.files[0].lines] == ["diff", "lost", "diff"]
    book.writer.leave_out(3)
    book.writer.tick()
    assert [line[2] for line in book.disk.files[0].lines if line[0] == "lost"] == [7, 3]
    assert book.writer.status().lost == 10


def test_a_tick_that_fails_is_a_failure_too(book):
    book.writer.write(diff(1))
    book.disk.full = FULL
    book.writer.tick()
    assert book.writer.error is FULL


def test_a_disk_that_refuses_the_last_words_is_an_error_of_the_status(book):
    book.writer.write(diff(1))
    book.disk.full = FULL
    book.writer.write(END._replace(missing=2))
    assert (book.writer.is_over, book.writer.status().error) == (True, str(FULL))
    assert book.disk.files[0].closed is not None


def test_a_snapshot_is_requested_once_in_a_while_and_not_by_all_books_at_once(book):
    assert not book.writer.should_ask()
    book.writer.write(diff(1))
    assert not book.writer.should_ask()
    book.clock.now += RETRY / 2
    assert (book.writer.should_ask(), book.writer.should_ask()) == (True, False)
    book.clock.now += RETRY
    assert book.writer.should_ask()
    book.disk.files[0].wants_snapshot = False
    book.clock.now += RETRY
    assert not book.writer.should_ask()


def test_a_disk_that_refuses_costs_ever_fewer_snapshots(book):
    book.writer.write(diff(1))
    book.disk.full, asked = FULL, 0
    for _ in range(100):
        book.clock.now += 1
        book.writer.tick()
        asked += book.writer.should_ask()
    assert asked <= 1, "each failure begins a wait"
    for _ in range(120):
        book.clock.now += 1
        asked += book.writer.should_ask()
    assert 2 <= asked <= 4
