from pathlib import Path

import pytest

from depthactors import recording
from depthactors.errors import RecordingError, UsageError
from depthactors.recording import notes
from depthactors.recording.folder import prepare
from depthactors.recording.member import member
from tests.recording.recorded import SPOT, USDM, Stream, files_in, rows_of
from tests.support import table


@pytest.fixture
def recorded(tmp_path):
    """A folder with a recording of BTCUSDT of the spot market."""
    stream = Stream(tmp_path / "recordings")
    stream.begin()
    stream.close()
    return stream.folder


def test_a_folder_of_another_market_is_refused(recorded):
    for symbol in ("BTCUSDT", "ETHUSDT"):
        with pytest.raises(RecordingError, match="usdm in this folder, was one of 'spot': a folder has one market"):
            prepare(recorded, USDM, symbol)
    assert prepare(recorded, SPOT, "ETHUSDT") == []


def test_a_file_of_another_symbol_under_the_name_is_refused(recorded):
    for path in recorded.iterdir():
        path.rename(path.with_name(path.name.replace("btc", "eth")))
    with pytest.raises(RecordingError, match="expected a recording of ETHUSDT, was one of 'BTCUSDT'"):
        prepare(recorded, SPOT, "ETHUSDT")


def test_a_file_without_its_notes_is_left_as_it_is_if_it_is_of_the_symbol(recorded):
    [path] = files_in(recorded)
    notes.notes_of(path).unlink()
    path.write_bytes(content := path.read_bytes()[:-9])
    assert prepare(recorded, SPOT, "BTCUSDT") == []
    path = path.rename(path.with_name(path.name.replace("btc", "eth")))
    with pytest.raises(RecordingError, match="expected a recording of ETHUSDT, was one of 'BTCUSDT'"):
        prepare(recorded, SPOT, "ETHUSDT")
    assert path.read_bytes() == content


def test_a_file_that_another_recorder_has_open_is_refused(tmp_path):
    stream = Stream(tmp_path)
    stream.begin()
    with pytest.raises(RecordingError, match="no other recorder has open"):
        prepare(tmp_path, SPOT, "BTCUSDT")
    stream.close()
    assert prepare(tmp_path, SPOT, "BTCUSDT") == []


def test_a_file_is_no_folder(tmp_path):
    (tmp_path / "file").touch()
    for path in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(RecordingError, match="expected a folder that can be written to") as caught:
            prepare(path, SPOT, "BTCUSDT")
        assert caught.value.path == str(path)


def test_a_folder_without_permission_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("os.access", lambda *_: False)
    with pytest.raises(RecordingError, match="without permission"):
        prepare(tmp_path, SPOT, "BTCUSDT")


@table("symbol", ["", "a/b", "..", "a\x00b", "a\nb", "a\\b"])
def test_a_symbol_that_is_no_name_is_refused(tmp_path, symbol):
    with pytest.raises(UsageError, match="a symbol that a file can be named after"):
        prepare(tmp_path, SPOT, symbol)


def test_damage_within_the_file_of_a_killed_recorder_is_left_as_it_is(tmp_path):
    stream = Stream(tmp_path)
    stream.begin(events=20)
    for _ in range(3):
        stream.send()
        stream.tick(after=4)
    stream.kill()
    [path] = files_in(tmp_path)
    content = path.read_bytes()
    path.write_bytes(damaged := content[:90] + bytes(10) + content[100:])
    assert len(prepare(tmp_path, SPOT, "BTCUSDT")) == 1
    assert path.read_bytes() == damaged
    with pytest.raises(RecordingError, match=f"{path.name}:1: "):
        list(recording.read(path))


def test_a_member_that_says_something_else_is_refused(tmp_path):
    stream = Stream(tmp_path)
    stream.begin()
    stream.kill()
    [path] = files_in(tmp_path)
    path.write_bytes(member(b"1 {}\n", b"something"))
    with pytest.raises(RecordingError, match="invalid literal"):
        prepare(tmp_path, SPOT, "BTCUSDT")


def test_gaps_that_only_the_lines_of_a_killed_recorder_show_are_told(tmp_path):
    stream = Stream(tmp_path)
    stream.begin()
    stream.make()
    stream.send()
    stream.answer()
    stream.send()
    stream.tick(after=4)
    stream.kill()
    [path] = files_in(tmp_path)
    beside = notes.notes_of(path)
    beside.write_bytes(beside.read_bytes().splitlines(keepends=True)[0] + b'{"row":"ga')
    stream.start()
    stream.close()
    gap, end = rows_of(path)[1], rows_of(path)[-1]
    assert (gap["row"], gap["repaired"]) == ("gap", "snapshot in this file")
    assert (end["row"], end["gaps"], end["cut"]) == ("end", 2, True)
    assert Path(path).stat().st_size == end["bytes"]
    assert len(list(recording.read(path))) == end["frames"] + end["snapshots"]
