import orjson
import pytest

from depthactors.errors import RecordingError
from depthactors.recording import notes
from tests.support import table

FIRST = {"row": "file", "format": "depthactors-recording", "version": 1, "market": "spot"}
END = {"row": "end", "gaps": 0}


@pytest.fixture
def path(tmp_path):
    path = notes.notes_of(tmp_path / "btcusdt-20261129T154700.123Z.gz")
    notes.create(path, FIRST)
    return path


def test_notes_are_beside_their_file(path):
    assert path.name == "btcusdt-20261129T154700.123Z.notes.jsonl"
    assert notes.first_row(path) == FIRST
    with pytest.raises(FileExistsError):
        notes.create(path, FIRST)


def test_rows_are_added_and_the_last_one_ends_them(path):
    assert not notes.has_end(path)
    notes.append(path, [{"row": "gap", "why": "end"}])
    assert not notes.has_end(path)
    notes.append(path, [{"row": "overlap"}, END])
    assert notes.has_end(path)
    assert notes.read_notes(path) == [FIRST, {"row": "gap", "why": "end"}, {"row": "overlap"}, END]


@pytest.mark.parametrize("half", [b"{", b'{"row":"end","gaps":0}', b"x" * 5])
def test_half_a_row_is_left_out_and_dropped_by_the_next(path, half):
    with path.open("ab") as file:
        file.write(half)
    assert not notes.has_end(path)
    assert notes.read_notes(path) == [FIRST]
    notes.append(path, [END])
    assert notes.read_notes(path) == [FIRST, END]


BAD_GAPS = (b'"from_id":[1]', b'"lost":"7"', b'"lost":null', b'"lost":9223372036854775808', b'"from_id":-1')


@table(
    ("content", "words"),
    [
        (b"nonsense\n", ":1: expected a row"),
        (b"[]\n", ":1: expected a row"),
        (b"", ":1: expected a row"),
        (orjson.dumps(FIRST | {"version": 2}) + b"\n", "expected version 1 .*, was 2; a newer depthactors may read it"),
        (orjson.dumps(FIRST) + b"\n{}\n", ":2: expected a row"),
        *((orjson.dumps(FIRST) + b'\n{"row":"gap",' + bad + b"}\n", ":2: expected a row") for bad in BAD_GAPS),
    ],
)
def test_what_is_no_notes_is_named_with_its_line(path, content, words):
    path.write_bytes(content)
    with pytest.raises(RecordingError, match=words):
        notes.read_notes(path)


def test_missing_notes_are_named(tmp_path):
    for read in (notes.read_notes, notes.first_row):
        with pytest.raises(RecordingError, match="No such file"):
            read(tmp_path / "none.notes.jsonl")


def test_a_first_row_that_was_never_written_is_none(path):
    path.write_bytes(b'{"row"')
    assert notes.first_row(path) is None
