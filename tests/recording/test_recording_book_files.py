import shutil
import signal
import subprocess
import sys
from pathlib import Path

import orjson
import pytest

from depthactors import recording
from depthactors.errors import LifecycleError, RecordingError
from depthactors.recording import notes
from depthactors.recording.book_file import BookFile
from depthactors.recording.names import name_of
from depthactors.recording.rotation import Rotation
from depthactors.replay import replay
from tests.recording.recorded import BEGIN, HOUR, SPOT, USDM, FullDisk, Stream, check, events_of, files_in, rows_of

ROOT = Path(__file__).parents[2]


@pytest.fixture(params=[SPOT, USDM], ids=["spot", "usdm"])
def market(request):
    return request.param


@pytest.fixture
def stream(tmp_path, market):
    stream = Stream(tmp_path / "recordings", market, HOUR)
    yield stream
    stream.close()


def ids_in(path):
    return [event["u"] for event in events_of(path)]


def test_a_file_begins_with_a_snapshot_that_its_events_continue(stream):
    assert stream.files.wants_snapshot
    stream.send()
    stream.send()
    stream.answer(lag=1)
    assert not stream.files.wants_snapshot
    stream.send()
    stream.ticker()
    stream.close()
    [path] = files_in(stream.folder)
    assert path.name == "btcusdt-20261129T154700.373Z.gz"
    lines = list(recording.read(path))
    assert [line.is_snapshot for line in lines] == [True, *[False] * (len(lines) - 1)]
    assert ids_in(path)[-2:] == stream.made[-2:]
    begin, end = rows_of(path)
    assert begin["streams"] == ["btcusdt@depth@100ms"]
    assert (begin["market"], begin["symbol"], begin["version"]) == (stream.market.name, "BTCUSDT", 1)
    assert (end["frames"], end["events"], end["last_id"]) == (len(lines) - 1, len(lines) - 2, stream.last_id)
    assert (end["gaps"], end["why"], end["cut"]) == (0, "the recording was stopped", False)
    result = replay(path)
    assert (result.symbol, result.gaps, result.applied, result.repaired) == ("BTCUSDT", 0, end["events"], True)


def test_a_snapshot_ahead_of_the_stream_waits_for_its_event(stream):
    stream.send()
    late = [stream.make(), stream.make()]
    stream.answer()
    assert not stream.files.wants_snapshot
    assert files_in(stream.folder) == []
    for event in late:
        stream.give(event)
    stream.send()
    stream.close()
    assert check(stream) >= {stream.last_id}


def test_a_snapshot_that_is_too_old_is_asked_for_again(stream):
    stream.send()
    stream.make()
    stream.send()
    stream.answer(lag=2)
    assert stream.files.wants_snapshot
    assert files_in(stream.folder) == []
    stream.answer()
    stream.send()
    stream.close()
    check(stream)


def test_a_rotation_loses_nothing_and_the_overlap_is_told(stream):
    stream.begin()
    stream.tick(after=3600)
    assert stream.files.wants_snapshot
    stream.send()
    stream.send()
    assert len(files_in(stream.folder)) == 1
    stream.answer(lag=1)
    assert not stream.files.wants_snapshot
    stream.send()
    stream.close()
    first, second = files_in(stream.folder)
    common = sorted(set(ids_in(first)) & set(ids_in(second)))
    [overlap] = rows_of(first, "overlap")
    assert overlap["next_file"] == second.name
    assert [event["u"] for event in events_of(first) if event["u"] in common][-1] == overlap["last_id"] == common[-1]
    assert next(event["U"] for event in events_of(second)) == overlap["first_id"]
    assert rows_of(first, "end")[0]["why"] == "rotation after 3600 s"
    assert rows_of(first, "gap") == []
    check(stream)


def test_frames_of_other_kinds_are_in_one_of_two_files(stream):
    stream.begin()
    stream.tick(after=3600)
    for _ in range(3):
        stream.send()
        stream.ticker()
    stream.answer(lag=2)
    stream.ticker()
    stream.send()
    stream.close()
    tickers = [line.text for path in files_in(stream.folder) for line in recording.read(path) if line.is_ticker]
    assert len(tickers) == 4


def test_a_rotation_by_size(tmp_path, market):
    stream = Stream(tmp_path, market, Rotation(size=100_000))
    stream.begin()
    event = stream.make() | {
        "b": [[str(1 + number * 7919 % 99_991), str(1 + number * 7907 % 99_991)] for number in range(20_000)]
    }
    stream.give(event, after=4)
    assert stream.files.wants_snapshot
    stream.send()
    stream.answer()
    stream.send()
    stream.close()
    check(stream)
    assert len(files_in(tmp_path)) == 2


def test_a_gap_is_repaired_by_a_snapshot_in_the_same_file(stream):
    stream.begin()
    before = stream.last_id
    stream.files.disconnected(stream.now, "no answer to a ping")
    stream.make()
    stream.files.connected(stream.now)
    assert not stream.files.wants_snapshot
    stream.send()
    assert stream.files.wants_snapshot
    stream.send()
    stream.answer()
    stream.send()
    stream.close()
    [path] = files_in(stream.folder)
    [gap] = rows_of(path, "gap")
    assert (gap["from_id"], gap["repaired"]) == (before, "snapshot in this file")
    assert gap["why"] == "disconnected: no answer to a ping"
    assert gap["from_ns"] < gap["to_ns"]
    assert replay(path).resyncs == 1
    check(stream)


def test_an_interruption_after_which_the_ids_continue_is_no_gap(stream):
    stream.begin()
    stream.files.disconnected(stream.now, "the connection was closed")
    stream.files.lost(stream.now, 3, "the queue was full")
    stream.send()
    assert not stream.files.wants_snapshot
    stream.close()
    [path] = files_in(stream.folder)
    [row] = rows_of(path, "interruption")
    assert row["why"] == "disconnected: the connection was closed; 3 frames lost: the queue was full"
    assert (row["lost"], row["repaired"]) == (3, "no depth event is missing: the ids continue")
    assert (rows_of(path, "gap"), replay(path).gaps) == ([], 0)
    assert stream.files.counters.lost == 3


def test_a_gap_during_a_rotation_is_repaired_by_the_next_file(stream):
    stream.begin()
    stream.tick(after=3600)
    stream.send()
    stream.make()
    stream.send()
    stream.answer()
    stream.send()
    stream.close()
    first, _ = files_in(stream.folder)
    [gap] = rows_of(first, "gap")
    assert gap["repaired"] == "snapshot of the next file"
    check(stream)


def test_a_stream_that_did_not_come_back_is_told_at_the_end(stream):
    stream.begin()
    stream.files.disconnected(stream.now, "no answer")
    stream.make()
    stream.close()
    [path] = files_in(stream.folder)
    [gap] = rows_of(path, "gap")
    assert (gap["to_id"], gap["repaired"]) == (None, "not repaired")
    check(stream)


def test_what_was_written_seconds_ago_survives_a_kill_and_the_next_recorder_ends_the_file(stream):
    stream.begin(events=5)
    stream.tick(after=4)
    kept = stream.last_id
    stream.send()
    stream.kill()
    [path] = files_in(stream.folder)
    assert [row["row"] for row in rows_of(path)] == ["file"]
    stream.make()
    stream.start()
    stream.begin()
    stream.close()
    [gap], [end] = rows_of(path, "gap"), rows_of(path, "end")
    assert (gap["from_id"], gap["why"], gap["repaired"]) == (
        kept,
        "its recorder was killed",
        "snapshot of the next file",
    )
    assert (end["cut"], end["last_id"], end["gaps"]) == (True, kept, 1)
    check(stream)


def test_a_gap_reaches_over_a_file_whose_recorder_was_killed_before_its_first_event(stream):
    stream.begin()
    stream.tick(after=4)
    kept = stream.last_id
    stream.kill()
    [first] = files_in(stream.folder)
    later = first.with_name(name_of(stream.symbol, stream.now))
    BookFile(later, rows_of(first)[0] | {"file": later.name}, stream.market.sequencing).unended("killed")
    stream.make()
    stream.start()
    stream.begin()
    stream.close()
    [gap] = rows_of(first, "gap")
    assert (gap["from_id"], gap["to_id"]) == (kept, stream.last_id - 2)
    check(stream)


def test_a_file_that_lost_its_first_event_tells_the_gap_behind_a_file_that_was_ended_before(stream):
    stream.begin()
    stream.tick(after=3600)
    stream.send()
    stream.answer(lag=1)
    stream.kill(bytes_lost=10)
    stream.make()
    stream.start()
    stream.begin()
    stream.close()
    check(stream)


def test_kill_9_takes_seconds_only(tmp_path):
    program = """
import os, sys
from tests.recording.recorded import Stream
stream = Stream(sys.argv[1])
stream.begin(events=200)
os.kill(os.getpid(), 9)
"""
    done = subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=False, cwd=ROOT)
    assert done.returncode == -signal.SIGKILL
    [path] = files_in(tmp_path)
    # A tenth of a second an event, and blocks of three seconds.
    assert len(list(recording.read(path))) > 170


def test_a_kill_at_every_byte(tmp_path):
    stream = Stream(tmp_path / "whole")
    stream.begin(events=0)
    stream.tick(after=4)
    stream.send()
    stream.files.disconnected(stream.now, "reset")
    stream.send()
    stream.tick(after=4)
    stream.kill()
    [path] = files_in(stream.folder)
    content, lines = path.read_bytes(), [line.text for line in recording.read(path)]
    notes = next(stream.folder.glob("*.jsonl"))
    begun = notes.read_bytes()
    for length in range(len(content) + 1):
        path.write_bytes(content[:length])
        notes.write_bytes(begun)
        stream.start()
        kept = [line.text for line in recording.read(path)]
        assert kept == lines[: len(kept)]
        stream.close()
        if length % 9 == 0:
            [end] = rows_of(path, "end")
            assert (end["cut"], end["frames"]) == (True, max(0, len(kept) - 1))
    assert len(kept) == len(lines)


def test_a_full_disk_is_an_error_of_the_call_and_the_recording_goes_on_in_a_new_file(stream):
    stream.begin()
    stream.tick(after=4)
    kept = stream.last_id
    with FullDisk(stream.files, room=20):
        stream.send()
        with pytest.raises(RecordingError, match="cannot be written: No space left on device") as caught:
            stream.tick(after=4)
        assert caught.value.path == str(files_in(stream.folder)[0])
        assert stream.files.wants_snapshot
        stream.send()
        with pytest.raises(RecordingError, match="No space left"):
            stream.answer(lag=1)
        assert stream.files.wants_snapshot, "asked for again"
    assert len(files_in(stream.folder)) == 1
    stream.answer(lag=1)
    stream.send()
    stream.close()
    first, second = files_in(stream.folder)
    [gap], [end] = rows_of(first, "gap"), rows_of(first, "end")
    assert (gap["from_id"], gap["repaired"], end["cut"]) == (kept, "snapshot of the next file", True)
    assert "No space left on device" in end["why"]
    assert rows_of(second, "gap") == []
    check(stream)


def test_half_a_block_that_a_dead_disk_keeps_is_removed_when_it_is_back(stream):
    stream.begin()
    stream.tick(after=4)
    stream.send()
    with FullDisk(stream.files, room=20, is_dead=True), pytest.raises(RecordingError):
        stream.tick(after=4)
    stream.send()
    stream.answer(lag=1)
    stream.close()
    first, second = files_in(stream.folder)
    assert (recording.verify(first).cut, recording.verify(second).cut) == (True, False)
    check(stream)


def test_a_folder_that_is_removed_is_told_in_seconds_and_the_recording_goes_on_when_it_is_back(stream):
    stream.begin()
    stream.tick(after=4)
    shutil.rmtree(stream.folder)
    stream.send()
    with pytest.raises(RecordingError, match="No such file or directory"):
        stream.tick(after=3)
    stream.send()
    with pytest.raises(RecordingError, match="No such file or directory"):
        stream.answer(lag=1)
    stream.folder.mkdir()
    stream.answer(lag=1)
    stream.send()
    stream.close()
    [path] = files_in(stream.folder)
    assert recording.verify(path).last_id == stream.last_id


@pytest.mark.parametrize("again", ["closed again", "its recorder was killed"])
def test_a_disk_that_is_full_at_the_end_leaves_a_file_that_is_ended_later(stream, again):
    stream.begin()
    stream.tick(after=4)
    stream.send()
    with FullDisk(stream.files, room=0), pytest.raises(RecordingError, match="No space left"):
        stream.close()
    [path] = files_in(stream.folder)
    assert rows_of(path, "end") == []
    if again == "closed again":
        stream.close()
    else:
        stream.start()
        stream.close()
    assert again in {rows_of(path, "end")[0]["why"], "closed again"}
    check(stream)


def test_long_reasons_are_cut_and_half_a_row_of_them_is_repaired(stream):
    stream.begin()
    for number in range(9):
        stream.files.disconnected(stream.now, f"{number}" + "\n" * 9_000 + "\udcff")
    stream.make()
    stream.send()
    stream.answer()
    stream.send()
    stream.tick(after=4)
    [path] = files_in(stream.folder)
    beside = notes.notes_of(path)
    beside.write_bytes(beside.read_bytes()[:-1])
    stream.kill()
    stream.start()
    stream.begin()
    stream.close("\udcff" * 9_000)
    assert [len(rows_of(each, "end")) for each in files_in(stream.folder)] == [1, 1]
    assert all(notes.has_end(notes.notes_of(each)) for each in files_in(stream.folder))


def test_after_the_end_nothing_is_recorded(stream):
    stream.begin()
    stream.close()
    stream.close()
    assert not stream.files.wants_snapshot
    for call in (stream.send, stream.ticker, stream.tick, stream.answer):
        with pytest.raises(LifecycleError, match="the recording of BTCUSDT is closed"):
            call()


def test_a_clock_that_is_set_back_neither_stops_rotation_nor_takes_a_name_twice(stream):
    for _ in range(3):
        stream.send()
        stream.answer(lag=1)
        stream.send()
        stream.tick(after=1800)
        stream.tick(after=-1800.1)
        assert not stream.files.wants_snapshot
        stream.tick(after=1799)
        assert not stream.files.wants_snapshot
        stream.tick(after=3)
        assert stream.files.wants_snapshot
        stream.now = BEGIN
    stream.close()
    names = [path.name for path in files_in(stream.folder)]
    assert len(names) == 3
    check(stream)


def test_frames_that_are_a_little_older_than_the_tick_do_not_hasten_the_rotation(stream):
    stream.begin()
    for _ in range(3600 - 1):
        stream.tick(after=1.5)
        stream.ticker(after=-0.5)
    assert not stream.files.wants_snapshot


def test_a_frame_of_several_lines_is_one_line(stream):
    stream.send()
    text = b'{\n  "lastUpdateId": 100,\r\n "bids": [], "asks": []\n}\n'
    stream.files.snapshot(stream.now, text, 100)
    stream.close()
    [path] = files_in(stream.folder)
    assert next(line.message for line in recording.read(path)) == orjson.loads(text)


def test_counters(stream):
    assert stream.files.counters == recording.FileCounters()
    stream.send()
    assert stream.files.counters.waiting_bytes > 0
    stream.answer(lag=1)
    stream.ticker()
    stream.make()
    stream.send()
    counters = stream.files.counters
    assert (counters.frames, counters.files, counters.gaps, counters.lost) == (3, 1, 1, 0)
    assert counters.waiting_bytes > 0
    stream.answer()
    stream.send()
    stream.close()
    counters = stream.files.counters
    [path] = files_in(stream.folder)
    assert (counters.frames, counters.gaps, counters.waiting_bytes) == (4, 1, 0)
    assert counters.bytes_written == path.stat().st_size


def test_what_waits_for_a_snapshot_is_bounded(stream):
    stream.begin()
    stream.tick(after=3600)
    event = stream.make() | {"b": [["99", "1" * 400_000]]}
    stream.give(event)
    for _ in range(12):
        following = stream.make()
        stream.give(following | {"b": event["b"]}, after=4)
    assert stream.files.counters.waiting_bytes < 2_500_000
    stream.answer(lag=3)
    stream.send()
    assert len(files_in(stream.folder)) == 2
