import gzip
import io
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from depthactors import recording
from depthactors.errors import RecordingError
from depthactors.recording.member import HEAD_BYTES, check_format, member, torn_member

LINES = st.lists(st.binary(max_size=40).map(lambda text: text.replace(b"\n", b"") + b"\n"), max_size=5).map(b"".join)


@given(st.lists(LINES, max_size=4))
def test_members_one_after_the_other_are_gzip(blocks):
    assert gzip.decompress(b"".join(map(member, blocks))) == b"".join(blocks)
    assert torn_member(io.BytesIO(b"".join(map(member, blocks))), "a.gz") is None


def test_the_header_has_the_name_and_version_of_the_format(tmp_path):
    head = member(b"1 {}\n")[:HEAD_BYTES]
    assert b"depthactors-recording-1.txt\x00" in head
    check_format(head, "a.gz")
    path = tmp_path / "btcusdt.gz"
    path.write_bytes(member(b"1 {}\n").replace(b"recording-1", b"recording-2"))
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
    sound, last = member(before), member(torn)
    kept = int(len(last) * share)
    found = torn_member(io.BytesIO(sound + last[:kept]), "a.gz")
    if kept in {0, len(last)}:
        assert found is None
    else:
        assert found is not None
        begin, lines = found
        assert begin == len(sound)
        assert torn.startswith(lines)
        assert lines.endswith(b"\n") or not lines


@pytest.mark.parametrize("tail", [bytes(500), b"\xff" * 40, member(b"1 {}\n" * 50)[:48] + bytes(100)])
def test_what_a_loss_of_power_leaves_is_a_torn_member(tail):
    sound = member(b"0 {}\n")
    begin, _ = torn_member(io.BytesIO(sound + tail), "a.gz")
    assert begin == len(sound)


def test_a_damaged_member_with_others_behind_it_is_no_torn_one():
    one = member(b"1 {}\n" * 50)
    damaged = one[:45] + b"\xff\xff\xff" + one[48:]
    with pytest.raises(zlib.error):
        zlib.decompress(damaged, 31)
    with pytest.raises(RecordingError, match=f"damaged at byte {len(one)}"):
        torn_member(io.BytesIO(one + damaged + one), "a.gz")
