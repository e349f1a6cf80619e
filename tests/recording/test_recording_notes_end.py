import pytest

from depthactors import recording
from depthactors.errors import RecordingError
from depthactors.recording import notes, notes_end
from tests.recording.recorded import Stream, files_in, rows_of


@pytest.fixture
def stream(tmp_path):
    """A recording with a file of a recorder that was killed, before a new one begins."""
    stream = Stream(tmp_path)
    stream.begin(events=50)
    stream.kill()
    stream.start()
    yield stream
    stream.close()


def test_the_proof_is_made_a_part_in_each_tick(stream, monkeypatch):
    [path] = files_in(stream.folder)
    monkeypatch.setattr(notes_end, "_STEP", path.stat().st_size // 3)
    stream.begin()
    ticks = 0
    while not rows_of(path, "end"):
        stream.tick()
        ticks += 1
    assert ticks == 3
    assert recording.verify(path).cut


def test_all_of_it_is_made_at_the_end(stream, monkeypatch):
    [path] = files_in(stream.folder)
    monkeypatch.setattr(notes_end, "_STEP", 100)
    stream.begin()
    stream.close()
    assert recording.verify(path).cut


def test_a_snapshot_of_the_last_lines_repairs_a_break_of_lines_long_before(tmp_path):
    stream = Stream(tmp_path)
    stream.begin()
    stream.make()
    stream.send()
    stream.tick(after=4)
    stream.answer()
    stream.tick(after=4)
    stream.kill()
    stream.start()
    stream.close()
    [path] = files_in(stream.folder)
    assert recording.verify(path).last_id == stream.last_id
    assert [(row["from_id"], row["to_id"]) for row in rows_of(path, "gap")] == [(103, 105), (105, None)]


def test_what_cannot_be_written_is_tried_again_with_the_next_file_and_not_each_second(stream):
    [path] = files_in(stream.folder)
    stream.send()
    beside = notes.notes_of(path)
    content = beside.read_bytes()
    beside.write_bytes(b"nonsense\n")
    with pytest.raises(RecordingError, match="expected a row"):
        stream.answer(lag=1)
    for _ in range(3):
        stream.tick()
    beside.write_bytes(content)
    stream.close()
    assert recording.verify(path).cut
