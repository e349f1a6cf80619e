import os

import pytest

from depthactors import recording
from depthactors.errors import RecordingError
from depthactors.recording.opened import open_file
from tests.support import table


@pytest.fixture
def pipe(tmp_path):
    path = tmp_path / "btcusdt.gz"
    os.mkfifo(path)
    return path


def test_a_file_is_opened(tmp_path):
    path = tmp_path / "btcusdt.gz"
    path.write_bytes(b"x")
    with open_file(path) as file:
        assert file.read() == b"x"


@table("read", [open_file, recording.verify, lambda path: next(recording.read(path))])
def test_nobody_waits_for_a_pipe(pipe, read):
    with pytest.raises(RecordingError) as caught:
        read(pipe)
    assert str(caught.value) == f"{pipe}: expected a file, was a pipe or a device"


def test_nobody_waits_for_notes_that_are_a_pipe(pipe):
    path = pipe.with_name("ethusdt.gz")
    path.write_bytes(b"")
    pipe.rename(recording.notes.notes_of(path))
    with pytest.raises(RecordingError, match="expected a file, was a pipe"):
        recording.verify(path)


def test_the_error_names_what_is_wrong_with_the_path(tmp_path):
    with pytest.raises(RecordingError, match="No such file or directory"):
        open_file(tmp_path / "none.gz")
    with pytest.raises(RecordingError, match="Is a directory"):
        open_file(tmp_path)
    with pytest.raises(RecordingError, match=r"none\\x00.gz': expected the path of a file: .*null"):
        open_file(tmp_path / "none\0.gz")
