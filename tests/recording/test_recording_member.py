import gzip
import io
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from depthactors import recording
from depthactors.errors import RecordingError
from depthactors.recording.member import HEAD_BYTES, check_format, last_member, member
from tests.support import table

LINES = st.lists(st.binary(max_size=40).map(lambda text: text.replace(b"\n", b"") + b"\n"), max_size=5).map(b"".join)


@given(st.lists(LINES, max_size=4))
def test_members_one_after_the_other_are_gzip(blocks):
    content = b"".join(member(block, b"%d" % number) for number, block in enumerate(blocks))
    assert gzip.decompress(content) == b"".join(blocks)
    last = last_member(io.BytesIO(content))
    if blocks:
        number = len(blocks) - 1
        assert (last.end, last.comment, last.lines) == (len(content), b"%d" % number, blocks[-1])
    else:
        assert last is None


def test_the_header_has_the_name_and_version_of_the_format(tmp_path):
    head = member(b"1 {}\n", b"")[:HEAD_BYTES]
    assert b"depthactors-recording-1.txt\x00" in head
    check_format(head, "a.gz")
    path = tmp_path / "btcusdt.gz"
    path.write_bytes(member(b"1 {}\n", b"").replace(b"recording-1", b"recording-2"))
    with pytest.raises(RecordingError, match=r"expected version 1 of the format of recordings, was '2'") as caught:
        next(recording.read(path))
    assert caught.value.path == str(path)


@pytest.mark.parametrize("name", ["", "btcusdt_20261129", "depthactors.txt"])
def test_files_of_other_recorders_have_other_names(tmp_path, name):
    with (tmp_path / "a.gz").open("wb") as raw, gzip.GzipFile(name, "wb", fileobj=raw) as file:
        file.write(b"1 {}\n")
    assert [line.message for line in recording.read(tmp_path / "a.gz")] == [{}]


@given(LINES, LINES, st.floats(0, 1))
def test_the_whole_lines_of_a_torn_member_are_found(before, torn, share):
    sound, cut = member(before, b"0"), member(torn, b"1")
    kept = int(len(cut) * share)
    last = last_member(io.BytesIO(sound + cut[:kept]))
    if last.comment == b"0":
        assert (last.begin, last.end, last.lines) == (0, len(sound), before)
        assert kept <= cut.index(b"1\x00") + 1
    else:
        assert (last.begin, last.end) == (len(sound), None if kept < len(cut) else len(sound) + len(cut))
        assert torn.startswith(last.lines)
        assert last.lines.endswith(b"\n") or not last.lines


@table("tail", [bytes(500), b"\xff" * 40, member(b"1 {}\n" * 50, b"")[:52] + bytes(100)])
def test_what_a_loss_of_power_leaves_does_not_count(tail):
    sound = member(b"0 {}\n", b"")
    last = last_member(io.BytesIO(sound + tail))
    assert (last.end or last.begin) == len(sound)


@table("size", [10, (1 << 16) - 20, (1 << 16) + 5, 200_000])
def test_the_last_member_is_found_from_the_end_wherever_it_begins(size):
    noise = random.Random(size).randbytes(size)
    sound = member(noise.hex().encode() + b"\n", b"")
    last = last_member(io.BytesIO(sound + member(b"1 {}\n", b"7")))
    assert (last.begin, last.comment, last.lines) == (len(sound), b"7", b"1 {}\n")
    assert last_member(io.BytesIO(noise)) is None


def test_only_the_last_member_is_read():
    file = io.BytesIO(member(b"1 {}\n" * 50, b"") * 10_000)
    read, sizes = file.read, []
    file.read = lambda size: sizes.append(size) or read(size)
    assert last_member(file).end
    assert sum(sizes) < 200_000
