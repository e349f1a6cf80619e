import fcntl
import gzip
import os
import signal
import subprocess
import sys

import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from depthactors import recording
from depthactors.errors import MalformedFrameError, RecordingCutError, RecordingError

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
    path = folder / "round_trip.gz"
    path.unlink(missing_ok=True)
    with recording.Writer(path) as writer:
        for recv_ns, message in messages:
            writer.write(recv_ns, orjson.dumps(message))
    lines = list(recording.read(path))
    assert [(line.recv_ns, line.message) for line in lines] == messages
    assert [line.text for line in lines] == [orjson.dumps(message) for _, message in messages]
    assert [line.number for line in lines] == list(range(1, len(messages) + 1))


def test_the_file_is_the_collectors_format(path):
    with recording.Writer(path) as writer:
        writer.write(1700000000000000001, b'{"stream":"a","data":{}}')
        writer.write(2, b' {"lastUpdateId":1}\n')
    assert gzip.decompress(path.read_bytes()) == (
        b'1700000000000000001 {"stream":"a","data":{}}\n2 {"lastUpdateId":1}\n'
    )


def test_a_message_of_several_lines_is_still_one_line(path):
    with recording.Writer(path) as writer:
        writer.write(1, b'{\n  "lastUpdateId": 1\n}\n')
        writer.write(2, b"{}")
    assert [line.message for line in recording.read(path)] == [{"lastUpdateId": 1}, {}]


def test_an_existing_file_is_appended_to(path):
    for stamp in (1, 2, 3):
        with recording.Writer(path) as writer:
            writer.write(stamp, b"{}")
    assert [line.recv_ns for line in recording.read(path)] == [1, 2, 3]


def test_an_empty_recording_has_no_lines(path):
    recording.Writer(path).close()
    assert list(recording.read(path)) == []


def test_the_file_is_sound_for_other_tools_however_often_it_was_opened(path):
    for stamp in range(3):
        with recording.Writer(path) as writer:
            writer.write(stamp, b"{}")
        writer.close()
    assert gzip.decompress(path.read_bytes()) == b"0 {}\n1 {}\n2 {}\n"
    assert [each.name for each in path.parent.iterdir()] == [path.name]


def texts_of(path):
    """Return the whole lines of a recording, and whether it is cut behind them."""
    texts = []
    try:
        texts.extend(line.text for line in recording.read(path))
    except RecordingCutError:
        return texts, True
    return texts, False


MESSAGES = st.lists(st.integers(0, 10**9).map(lambda n: b'{"n":%d,"x":"%x"}' % (n, n * 7919**5)), max_size=40)


# Cut behind the first byte of what ends a file.
@example([], [b'{"n":11,"x":"12920f50d9da6a9785"}'], [], 0.78125, False)
@given(MESSAGES, MESSAGES, MESSAGES, st.floats(0, 1), st.booleans())
def test_a_recorder_that_was_killed_goes_on_where_it_was(folder, before, killed, after, share, in_good_order):
    path = folder / "killed.gz"
    path.unlink(missing_ok=True)
    with recording.Writer(path) as writer:
        for text in before:
            writer.write(1, text)
    sound = path.stat().st_size
    with recording.Writer(path) as writer:
        for text in killed:
            writer.write(1, text)
    content = path.read_bytes()
    # Without the end that a closed file has, or cut anywhere in what was written last.
    kept = sound + int((len(content) - sound) * share)
    path.write_bytes(content if in_good_order else content[:kept])
    left, _ = texts_of(path)
    assert left == (before + killed)[: len(left)]
    assert len(left) >= len(before)
    with recording.Writer(path) as writer:
        for text in after:
            writer.write(1, text)
    assert texts_of(path) == (left + after, False)
    assert gzip.decompress(path.read_bytes()).count(b"\n") == len(left + after)


def test_what_was_written_a_second_ago_survives_a_kill(path):
    program = (
        "import os, sys\n"
        "from depthactors import recording\n"
        "writer = recording.Writer(sys.argv[1])\n"
        "for number in range(500):\n"
        "    writer.write(1790000000000000000 + number * 10_000_000, b'{\"n\":%d}' % number)\n"
        "os.kill(os.getpid(), 9)\n"
    )
    for run in (1, 2):
        done = subprocess.run([sys.executable, "-c", program, str(path)], check=False)
        assert done.returncode == -signal.SIGKILL
        texts, cut = texts_of(path)
        assert cut
        assert len(texts) >= run * 401, "five seconds, the last of which may be lost"


def test_a_second_writer_of_a_file_is_refused(path):
    with recording.Writer(path) as writer:
        writer.write(1, b"{}")
        with pytest.raises(RecordingError, match="no other writer has open"):
            recording.Writer(path)
    assert texts_of(path) == ([b"{}"], False)
    recording.Writer(path).close()


def test_a_file_that_another_writer_mends_in_the_same_moment_is_that_ones(path, monkeypatch):
    with recording.Writer(path) as writer:
        writer.write(1, b"{}")
    path.write_bytes(path.read_bytes()[:-25])
    lock, first = fcntl.flock, []

    def late(descriptor, operation):
        # Another one opens the file, mends it and goes on to write, between this one's opening and locking.
        monkeypatch.setattr(fcntl, "flock", lock)
        first.append(recording.Writer(path))
        lock(descriptor, operation)

    monkeypatch.setattr(fcntl, "flock", late)
    with pytest.raises(RecordingError, match="no other writer has open"):
        recording.Writer(path)
    first[0].write(2, b'{"n":2}')
    first[0].close()
    assert texts_of(path) == ([b"{}", b'{"n":2}'], False)


def test_a_file_that_cannot_be_mended_stays_as_it_is(path, monkeypatch):
    with recording.Writer(path) as writer:
        writer.write(1, b"{}")
    cut = path.read_bytes()[:-25]
    path.write_bytes(cut)
    monkeypatch.setattr(os, "fsync", lambda _file: (_ for _ in ()).throw(OSError("no space left")))
    with pytest.raises(OSError, match="no space left"):
        recording.Writer(path)
    assert (path.read_bytes(), len(list(path.parent.iterdir()))) == (cut, 1)


@pytest.mark.parametrize("content", [b"1 {}\n", SOUND + b"xx", SOUND + bytes(8)], ids=["text", "tail", "zeros"])
def test_what_is_no_recording_is_not_appended_to(path, content):
    path.write_bytes(content)
    with pytest.raises(RecordingError, match="expected a recording to append to"):
        recording.Writer(path)
    assert path.read_bytes() == content


def test_lines_come_one_at_a_time(path):
    lines = recording.read(put(path, b"1 {}", b"nonsense"))
    assert next(lines).recv_ns == 1
    with pytest.raises(RecordingError):
        next(lines)


@pytest.mark.parametrize(
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
    ids=lambda value: str(value.get("stream", "bare")) if isinstance(value, dict) else "",
)
def test_kinds_of_lines(path, message, snapshot, diff, ticker):
    [line] = recording.read(put(path, b"1 " + orjson.dumps(message)))
    assert (line.is_snapshot, line.is_diff, line.is_ticker) == (snapshot, diff, ticker)
    assert line.event == message.get("data", message)


@pytest.mark.parametrize(
    "bad",
    [b"", b"nonsense", b"{}", b"1", b"1 ", b"x {}", b"-1 {}", b"1.5 {}", b"1 []", b"1 {", b'1 {"data":1}', b"\xff\xfe",
     b"1" * 5000 + b" {}"],
    ids=lambda line: repr(line[:12]),
)  # fmt: skip
def test_a_bad_line_is_named(path, bad):
    with pytest.raises(RecordingError) as caught:
        list(recording.read(put(path, b"1 {}", b"2 {}", bad, b"4 {}")))
    assert (caught.value.path, caught.value.line) == (str(path), 3)
    assert str(caught.value).startswith(f"{path}:3: ")


@pytest.mark.parametrize("kept", [0.2, 0.5, 0.9, 0.999])
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


@pytest.mark.parametrize(
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
