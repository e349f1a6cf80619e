import gzip

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from depthactors import recording
from depthactors.errors import MalformedFrameError, RecordingCutError, RecordingError
from tests.support import table, write_recording

SNAPSHOT = {"lastUpdateId": 1, "bids": [], "asks": []}
DIFF = {"e": "depthUpdate", "s": "BTCUSDT"}
SOUND = gzip.compress(b"1 {}\n")
OBJECTS = st.dictionaries(st.text(max_size=5), st.none() | st.integers(0, 9) | st.text(max_size=9), max_size=4).filter(
    lambda message: "data" not in message
)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "btcusdt.gz"


def put(path, *lines):
    """Write raw lines as a recording, right or wrong."""
    path.write_bytes(gzip.compress(b"".join(line + b"\n" for line in lines)))
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("recordings")


@given(st.lists(st.tuples(st.integers(0, 2**63), OBJECTS), max_size=8))
def test_what_is_written_is_read(folder, messages):
    texts = [orjson.dumps(message) for _, message in messages]
    path = write_recording(
        folder / "round_trip.gz", [(at, text) for (at, _), text in zip(messages, texts, strict=True)]
    )
    lines = list(recording.read(path))
    assert [(line.recv_ns, line.message) for line in lines] == messages
    assert [line.text for line in lines] == texts
    assert [line.number for line in lines] == list(range(1, len(messages) + 1))
    assert {line.path for line in lines} <= {str(path)}


def test_members_one_after_the_other_are_one_file(path):
    path.write_bytes(SOUND * 3 + gzip.compress(b""))
    assert [line.message for line in recording.read(path)] == [{}] * 3


def test_lines_come_one_at_a_time(path):
    lines = recording.read(put(path, b"1 {}", b"nonsense"))
    assert next(lines).recv_ns == 1
    with pytest.raises(RecordingError):
        next(lines)


@table(
    ("message", "snapshot", "diff", "ticker"),
    [
        (SNAPSHOT, True, False, False),
        ({"stream": "x@depth5", "data": SNAPSHOT}, False, False, False),
        (DIFF, False, True, False),
        ({"stream": "btcusdt@depth", "data": DIFF}, False, True, False),
        ({"stream": "btcusdt@depth@100ms", "data": DIFF}, False, True, False),
        ({"stream": "btcusdt@depth@0ms", "data": DIFF}, False, True, False),
        ({"stream": "btcusdt@depth10@100ms", "data": DIFF}, False, False, False),
        ({"stream": "btcusdt@rpiDepth@500ms", "data": DIFF}, False, False, False),
        ({"stream": "btcusdt@bookTicker", "data": {"u": 1}}, False, False, True),
        ({"stream": "btcusdt@trade", "data": {"e": "trade"}}, False, False, False),
        ({"result": None, "id": 1}, False, False, False),
    ],
)
def test_kinds_of_lines(path, message, snapshot, diff, ticker):
    [line] = recording.read(put(path, b"1 " + orjson.dumps(message)))
    assert (line.is_snapshot, line.is_diff, line.is_ticker) == (snapshot, diff, ticker)
    assert line.event == message.get("data", message)


@table(
    "bad",
    [b"", b"nonsense", b"{}", b"1", b"1 ", b"x {}", b"-1 {}", b"1.5 {}", b"1 []", b"1 {", b'1 {"data":1}', b"\xff\xfe",
     b"1" * 5000 + b" {}"],
)  # fmt: skip
def test_a_bad_line_is_named(path, bad):
    with pytest.raises(RecordingError) as caught:
        list(recording.read(put(path, b"1 {}", b"2 {}", bad, b"4 {}")))
    assert (caught.value.path, caught.value.line) == (str(path), 3)
    assert str(caught.value).startswith(f"{path}:3: ")


@table("kept", [0.2, 0.5, 0.9, 0.999])
def test_a_file_cut_short_is_named_with_the_line_where_reading_ended(path, kept):
    whole = gzip.compress(b"".join(b'%d {"n":%d}\n' % (n, n * 7919 % 1000) for n in range(1, 5000)))
    path.write_bytes(whole[: int(len(whole) * kept)])
    seen = []
    with pytest.raises(RecordingCutError) as caught:
        seen.extend(recording.read(path))
    good = 0
    with pytest.raises(RecordingCutError):
        for good, _ in enumerate(recording.read(path), start=1):  # noqa: B007
            pass
    assert caught.value.line == good + 1


@table(
    "content",
    [b"1 {}\n", b"\x1f\x8b", b"\x1f\x8bgarbage", gzip.compress(b"1 {}\n")[:-1] + b"x", gzip.compress(b"1 {}\n") + b"x"],
    ids=["plain text", "magic only", "bad header", "bad checksum", "garbage behind"],
)
def test_no_sound_gzip(path, content):
    path.write_bytes(content)
    with pytest.raises(RecordingError, match=r"btcusdt\.gz"):
        list(recording.read(path))


def test_a_text_file_is_named_as_no_gzip_file(path):
    path.write_bytes(b"1 {}\n")
    with pytest.raises(RecordingError) as caught:
        list(recording.read(path))
    assert str(caught.value) == f"{path}: not a gzip file"


def test_a_missing_file_and_a_folder(tmp_path):
    for place, words in (
        (tmp_path / "none.gz", "No such file or directory"),
        (tmp_path, "expected recordings (*.gz) in the folder, was none"),
    ):
        with pytest.raises(RecordingError) as caught:
            list(recording.read(place))
        assert (caught.value.path, caught.value.line) == (str(place), 0)
        assert str(caught.value) == f"{place}: {words}"


@given(st.binary(max_size=200))
def test_any_bytes_are_lines_or_an_unreadable_recording(folder, content):
    path = folder / "any.gz"
    path.write_bytes(gzip.compress(content))
    try:
        list(recording.read(path))
    except RecordingError as error:
        assert error.line >= 1  # noqa: PT017
    except MalformedFrameError:
        pytest.fail("expected a RecordingError")


def test_every_capture_is_read_to_its_end(capture):
    with gzip.open(capture, "rb") as file:
        count = sum(1 for _ in file)
    lines = list(recording.read(capture))
    assert len(lines) == count
    assert sum(line.is_snapshot for line in lines) == 1


def test_a_line_without_end_does_not_fill_the_memory(path, monkeypatch):
    monkeypatch.setattr("depthactors.recording.lines._LONGEST", 1_000)
    path.write_bytes(gzip.compress(b"1 {}\n1 " + b" " * 1_000_000))
    read = recording.read(path)
    assert next(read).number == 1
    with pytest.raises(RecordingError, match="expected a line of less than 1,000 bytes") as caught:
        next(read)
    assert caught.value.line == 2
