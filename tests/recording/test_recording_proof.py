import gzip
from hashlib import sha256

import orjson
import pytest

from depthactors import recording
from depthactors.cli import main
from depthactors.errors import RecordingError
from depthactors.recording import notes
from depthactors.recording.proof import NotedFile
from depthactors.replay import replay
from tests.recording.recorded import Stream, files_in, rows_of


@pytest.fixture
def stream(tmp_path):
    stream = Stream(tmp_path)
    stream.begin()
    stream.make()
    stream.send()
    stream.answer()
    stream.ticker()
    stream.send()
    yield stream
    if stream.files is not None:
        stream.close()


@pytest.fixture
def path(stream):
    stream.close()
    [path] = files_in(stream.folder)
    return path


def rewrite_end(path, **changes):
    beside = notes.notes_of(path)
    *rows, end = notes.read_notes(beside)
    beside.write_bytes(b"".join(orjson.dumps(row) + b"\n" for row in [*rows, end | changes]))


def test_a_file_is_what_its_proof_says(path):
    proof = recording.verify(path)
    assert (proof.frames, proof.events, proof.snapshots, proof.gaps, proof.cut) == (5, 4, 2, 1, False)
    assert (proof.first_id, proof.last_id) == (102, 106)
    assert proof.why == "the recording was stopped"
    assert recording.verify(str(path)) == proof


@pytest.mark.parametrize(
    "changes",
    [{"sha256": "00"}, {"bytes": 1}, {"frames": 9}, {"events": 9}, {"snapshots": 1}, {"first_id": 1}, {"last_id": 1},
     {"gaps": 0}],
    ids=lambda changes: next(iter(changes)),
)  # fmt: skip
def test_what_differs_is_named(path, changes, capsys):
    rewrite_end(path, **changes)
    [(name, value)] = changes.items()
    with pytest.raises(RecordingError, match=f"expected {name} {value} by its notes, was ") as caught:
        recording.verify(path)
    assert caught.value.path == str(path)
    assert main(["replay", str(path)]) == 2
    assert f"expected {name}" in capsys.readouterr().err


def test_a_file_is_digested_with_and_without_notes(path):
    content, digest = path.read_bytes(), sha256(path.read_bytes()).hexdigest()
    noted = NotedFile(path)
    assert (noted.bytes, noted.sha256, noted.doubt, len(noted.gaps)) == (len(content), digest, None, 1)
    notes.notes_of(path).unlink()
    bare = NotedFile(path)
    assert (bare.bytes, bare.sha256, bare.doubt, bare.gaps) == (len(content), digest, None, [])
    assert list(bare.lines()) == list(noted.lines())
    path.unlink()
    with pytest.raises(RecordingError, match=r"\.gz: No such file"):
        NotedFile(path)


def test_a_file_that_was_changed_is_found_before_a_line_is_read(path):
    path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes())))
    with pytest.raises(RecordingError, match=r"expected sha256 .* by its notes"):
        NotedFile(path)


def test_a_proof_that_lacks_a_number_is_refused(path):
    beside = notes.notes_of(path)
    beside.write_bytes(beside.read_bytes().replace(b'"events"', b'"envets"'))
    with pytest.raises(RecordingError, match="expected 'events' in the proof"):
        recording.verify(path)


def test_a_file_without_notes_or_proof_has_no_proof(stream, capsys):
    stream.tick(after=4)
    [path] = files_in(stream.folder)
    with pytest.raises(RecordingError, match="expected a proof in its notes, was none"):
        recording.verify(path)
    assert main(["replay", str(path)]) == 0
    assert "warning" in (words := capsys.readouterr().err)
    assert "its notes have no proof" in words
    stream.close()
    assert rows_of(path, "end")
    notes.notes_of(path).unlink()
    with pytest.raises(RecordingError, match="expected a proof in its notes, was no notes beside it"):
        recording.verify(path)


def test_notes_of_a_market_that_is_unknown_are_named(path):
    beside = notes.notes_of(path)
    beside.write_bytes(beside.read_bytes().replace(b'"market":"spot"', b'"market":"spott"'))
    with pytest.raises(RecordingError, match="spott") as caught:
        recording.verify(path)
    assert (caught.value.path, caught.value.line) == (str(beside), 1)


def test_a_snapshot_without_an_id_is_named(path):
    path.write_bytes(
        gzip.compress(gzip.decompress(path.read_bytes()).replace(b'"lastUpdateId":101', b'"lastUpdateId":"a"'))
    )
    rewrite_end(path, sha256=sha256(path.read_bytes()).hexdigest(), bytes=path.stat().st_size)
    with pytest.raises(RecordingError, match="lastUpdateId") as caught:
        recording.verify(path)
    assert (caught.value.path, caught.value.line) == (str(path), 1)


def test_a_file_that_was_cut_and_ended_by_the_next_recorder_has_a_proof(stream):
    stream.tick(after=4)
    stream.kill(bytes_lost=20)
    stream.start()
    stream.begin()
    stream.close()
    first, second = files_in(stream.folder)
    assert (recording.verify(first).cut, recording.verify(second).cut) == (True, False)
    assert replay(stream.folder).warnings == (f"{first}: lines at its end are lost: its recorder was killed",)
