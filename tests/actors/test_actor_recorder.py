"""The recorder of an engine: its queue, its lane, and a disk that blocks, is full or refuses."""

import pytest

from depthactors import markets
from depthactors.actors import recorder as module
from depthactors.actors.book_messages import RefreshNow
from depthactors.actors.book_spec import BookSpec
from depthactors.actors.local_cell import LocalCell
from depthactors.actors.recorder import Recorder
from depthactors.binance import Diff
from depthactors.dispatcher.pooled import PooledDispatcher
from depthactors.dispatcher.simulated import SimulatedDispatcher
from depthactors.errors import RecordingError
from depthactors.pacing import Timing
from depthactors.recording import RecordTo
from tests.actors.actor_support import Probe
from tests.actors.fake_disk import FULL, FakeDisk
from tests.support import PATIENCE, SetClock, until
from tests.support import Recorder as Kept

ROOM = 20_000
FRAME = b"{" + b" " * 400 + b"}"


SPEC = BookSpec(markets.SPOT, "BTCUSDT", 20, 100, None, float)


class Recorded:
    """A recorder on a fake disk, with books, and what it reported."""

    def __init__(self, dispatcher, actors, tmp_path, timing):
        self.disk, self.errors, self.asked = FakeDisk(), Kept(), Kept()
        self._dispatcher, self._actors, self._timing = dispatcher, actors, timing
        self.recorder = Recorder(RecordTo(tmp_path), self.disk.open, dispatcher, timing, self.errors, room=ROOM)
        self.recorder.start()
        self._serial = 0

    def book(self, symbol="BTCUSDT"):
        cell = LocalCell(BookSpec(markets.SPOT, symbol, 20, 100, None, float), self._timing, self._dispatcher)
        cell.ref = self._actors.start(Probe, self._dispatcher, self.asked)
        cell.recorder = self.recorder.add(cell)
        return cell.recorder

    def put(self, book, count=1):
        for _ in range(count):
            self._serial += 1
            book.diff(FRAME, Diff(self._serial, self._serial, self._serial - 1, 0, [], []))
            book.flush(float(self._serial))

    def ids(self, symbol="BTCUSDT"):
        return [line[2] for files in self.disk.of(symbol) for line in files.of("diff")]

    def close(self):
        self.recorder.close()
        for thread in self.recorder.threads:
            thread.join(PATIENCE)
            assert not thread.is_alive()


@pytest.fixture
def notices(monkeypatch):
    """Return the notices of the recorder, and "over" where one is over."""
    shown = Kept()
    monkeypatch.setattr(module.logger, "notice", lambda _cause, words, *arguments, **_: shown(words % arguments))
    monkeypatch.setattr(module.logger, "over", lambda _cause, _words, *_arguments: shown("over"))
    return shown


@pytest.fixture
def recorded(actors, tmp_path, notices):
    timing = Timing(recording_pause=0.01, recording_retry=0.05, recording_stuck=0.1)
    recorded = Recorded(actors.dispatcher, actors, tmp_path, timing)
    yield recorded
    recorded.disk.full = recorded.disk.refuses = None
    recorded.disk.block()()
    recorded.close()


def test_what_the_books_put_is_written_in_its_order(recorded):
    btc, eth = recorded.book("BTCUSDT"), recorded.book("ETHUSDT")
    for _ in range(3):
        recorded.put(btc)
        recorded.put(eth)
    until(lambda: recorded.ids("BTCUSDT") == [1, 3, 5] and recorded.ids("ETHUSDT") == [2, 4, 6])


def test_the_end_of_a_book_closes_its_file_behind_what_was_put(recorded):
    book = recorded.book()
    recorded.put(book, 3)
    book.end("it was unsubscribed")
    book.life.join(PATIENCE)
    (files,) = recorded.disk.files
    assert (recorded.ids(), files.closed[1]) == ([1, 2, 3], "it was unsubscribed")


def test_a_book_that_is_followed_anew_has_files_of_its_own(recorded):
    first = recorded.book()
    recorded.put(first, 2)
    second = recorded.book()
    recorded.put(second, 2)
    first.end("too late to matter")
    until(lambda: recorded.ids() == [1, 2, 3, 4])
    assert [files.closed and files.closed[1] for files in recorded.disk.files] == ["it is followed anew", None]


def test_closing_writes_what_waits_and_closes_all_files(recorded):
    for symbol in ("BTCUSDT", "ETHUSDT"):
        recorded.put(recorded.book(symbol), 2)
    recorded.close()
    assert [files.closed[1] for files in recorded.disk.files] == ["the engine was stopped"] * 2
    assert recorded.ids("BTCUSDT") + recorded.ids("ETHUSDT") == [1, 2, 3, 4]


def test_a_disk_that_blocks_stops_nobody_and_what_finds_no_room_is_counted_and_told(recorded, notices):
    book = recorded.book()
    recorded.put(book)
    until(recorded.ids)
    go_on = recorded.disk.block()
    recorded.put(book, 60)
    assert notices.wait_one() == f"recording to {recorded.recorder.target.folder}: the disk has taken nothing for 0.1 s"
    left_out = book.left_out
    assert 30 <= left_out < 60
    go_on()
    notices.wait_for(lambda words: words == "over")
    until(lambda: book.writer.status().lost == left_out)
    recorded.put(book)
    until(lambda: len(recorded.ids()) == 62 - left_out)
    (files,) = recorded.disk.files
    assert [line[2] for line in files.lines if line[0] == "lost"] == [left_out]


def test_a_loss_for_which_there_is_no_room_is_counted_and_told_too(recorded):
    book = recorded.book()
    recorded.put(book)
    until(recorded.ids)
    go_on = recorded.disk.block()
    recorded.put(book, 60)
    for _ in range(3):
        book.other([b"{}"], 1.0)
    book.lost(7, "no room for frames of bookTicker")
    book.unread()
    book.flush(99.0)
    go_on()
    (files,) = recorded.disk.files
    until(lambda: book.writer.status().lost + len(files.of("diff") + files.of("other")) == 1 + 60 + 3 + 7 + 1)
    recorded.put(book)
    until(lambda: sum(count for _, count, _ in files.of("lost")) == book.writer.status().lost)


def test_a_full_disk_is_one_notice_one_error_and_over_when_all_books_are_written_again(recorded, notices):
    books = [recorded.book(symbol) for symbol in ("BTCUSDT", "ETHUSDT")]
    recorded.disk.full = FULL
    for _ in range(3):
        for book in books:
            recorded.put(book)
    words = notices.wait_one()
    assert words == f"BTCUSDT (spot) is not recorded: {FULL}; its book goes on, and the recording is tried again"
    until(lambda: all(book.writer.error for book in books))
    recorded.disk.full = None
    recorded.put(books[0])
    until(lambda: books[0].writer.error is None)
    assert notices.seen == [words]
    recorded.put(books[1])
    notices.wait_for(lambda words: words == "over")
    (error,) = recorded.errors.seen
    assert (type(error), notices.seen) == (RecordingError, [words, "over"])


def test_a_book_whose_files_cannot_be_opened_does_not_disturb_the_others(recorded, notices):
    btc, eth = recorded.book("BTCUSDT"), recorded.book("ETHUSDT")
    recorded.disk.refuses = RecordingError("/data", 0, "expected a folder of spot")
    recorded.put(btc)
    notices.wait_one()
    recorded.disk.refuses = None
    recorded.put(eth)
    until(lambda: recorded.ids("ETHUSDT") == [2])


def test_a_snapshot_is_requested_for_a_file_that_waits_for_one(recorded):
    book = recorded.book()
    recorded.put(book)
    assert recorded.asked.wait_one() == RefreshNow()
    book.snapshot(b"{}", 1, 1.0)
    until(lambda: not recorded.disk.files[0].wants_snapshot)
    recorded.asked.seen.clear()
    recorded.put(book, 5)
    until(lambda: len(recorded.ids()) == 6)
    assert recorded.asked.seen == []


def test_a_disk_that_is_slower_than_the_books_does_not_keep_the_files_from_what_is_due(tmp_path):
    """Its queue never empties, and a file may wait for a snapshot, or for its successor."""
    clock, disk = SetClock(100.0), FakeDisk()

    def pass_through():
        clock.now += 0.4

    disk.pass_through, clock.random = pass_through, lambda: 0.5
    recorder = Recorder(RecordTo(tmp_path), disk.open, clock, Timing(), None)
    book = recorder.add(LocalCell(SPEC, Timing(), clock))
    for number in range(10):
        book.diff(FRAME, Diff(number, number, number - 1, 0, [], []))
        book.flush(clock.now)
    recorder.take_turn()
    (files,) = disk.files
    kinds = "".join(line[0][0] for line in files.lines)
    assert kinds == "dddtddtddtddtd"


def test_a_recorder_that_was_never_started_closes_nothing(tmp_path):
    recorder = Recorder(RecordTo(tmp_path), None, PooledDispatcher(), Timing(), None)
    recorder.close()
    assert recorder.threads == ()


def test_in_simulated_time_it_is_a_task_like_all_others(tmp_path):
    disk, dispatcher = FakeDisk(), SimulatedDispatcher(1)
    with dispatcher.simulation as simulation:
        recorder = Recorder(RecordTo(tmp_path), disk.open, dispatcher, Timing(), None)
        recorder.start()
        cell = LocalCell(SPEC, Timing(), dispatcher)
        book = recorder.add(cell)
        book.diff(FRAME, Diff(1, 1, 0, 0, [], []))
        book.flush(1.0)
        simulation.run_for(5.0)
        recorder.close()
        simulation.run_for(1.0)
    (files,) = disk.files
    assert [line[0] for line in files.lines][:1] == ["diff"]
    assert 4 <= len(files.of("tick")) <= 5
    assert (files.closed[1], recorder.threads[0].is_alive()) == ("the engine was stopped", False)
