"""Where and how an engine records: checked where it is given."""

import os
import pickle
from pathlib import Path

import pytest

from depthactors.errors import RecordingError, UsageError
from depthactors.recording import RecordTo, Rotation
from tests.support import table


def test_a_folder_alone_is_enough(tmp_path):
    target = RecordTo.of(str(tmp_path / "data"))
    assert (target.folder, target.rotation, target.book_ticker) == (tmp_path / "data", Rotation(seconds=86_400), False)
    assert RecordTo.of(target) is target
    assert pickle.loads(pickle.dumps(target)) == target


def test_a_relative_folder_is_where_the_program_is_now(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    target = RecordTo("data", rotate=None, book_ticker=True)
    monkeypatch.chdir("/")
    assert (target.folder, target.rotation, target.book_ticker) == (tmp_path / "data", Rotation(), True)


def test_the_folder_is_made_and_nothing_is_left_in_it(tmp_path):
    RecordTo(tmp_path / "a" / "b", rotate="500MB").check()
    assert list((tmp_path / "a" / "b").iterdir()) == []


def test_a_file_in_the_way_is_refused(tmp_path):
    (tmp_path / "file").touch()
    for folder in (tmp_path / "file", tmp_path / "file" / "data"):
        with pytest.raises(RecordingError, match="expected a folder in which files can be made"):
            RecordTo(folder).check()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission_is_refused(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(RecordingError, match="Permission denied"):
        RecordTo(tmp_path).check()


@table(
    ("arguments", "options", "words"),
    [
        (("",), {}, "expected a folder to record to, was ''"),
        ((b"data",), {}, "expected a folder to record to, was b'data'"),
        (("a\0b",), {}, "expected a folder to record to"),
        ((None,), {}, "expected a folder to record to, was None"),
        ((Path(),), {"rotate": "soon"}, "expected a time like 15m or 1h, or a size like 500MB, was 'soon'"),
        ((Path(),), {"rotate": 5}, "expected a time like 15m or 1h"),
        ((Path(),), {"book_ticker": "yes"}, "expected book_ticker as True or False, was 'yes'"),
    ],
)
def test_what_is_not_allowed_is_refused(arguments, options, words):
    with pytest.raises(UsageError) as caught:
        RecordTo(*arguments, **options)
    assert words in str(caught.value)
