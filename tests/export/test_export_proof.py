"""What a file of a recording is, and whether it is what its notes say."""

from hashlib import sha256

import pytest

from depthactors.errors import RecordingError
from depthactors.export.proof import prove
from depthactors.recording import Rotation, notes
from tests.recording.recorded import Stream, files_in


@pytest.fixture
def path(tmp_path):
    stream = Stream(tmp_path, rotation=Rotation())
    stream.send()
    stream.answer()
    stream.send()
    stream.close()
    [path] = files_in(tmp_path)
    return path


def test_a_file_is_digested_and_agrees_with_its_notes(path):
    proof = prove(path)
    content = path.read_bytes()
    assert (proof.name, proof.bytes, proof.sha256) == (path.name, len(content), sha256(content).hexdigest())
    assert (proof.doubt, proof.gaps) == (None, {})


def test_a_file_without_notes_is_digested(path):
    notes.notes_of(path).unlink()
    assert prove(path).doubt is None


def test_a_file_that_is_not_what_its_notes_say_is_refused(path):
    path.write_bytes(path.read_bytes()[:-3])
    with pytest.raises(RecordingError, match=r"expected sha256 .* by its notes") as caught:
        prove(path)
    assert caught.value.path == str(path)


def test_notes_without_an_end_are_a_doubt(path):
    beside = notes.notes_of(path)
    beside.write_bytes(beside.read_bytes().splitlines(keepends=True)[0])
    assert "its notes have no proof" in prove(path).doubt


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    with pytest.raises(RecordingError, match=r"none\.gz: No such file"):
        prove(tmp_path / "none.gz")
