"""Output is whole or not there."""

import pytest

from depthactors.errors import ExportError, UsageError
from depthactors.export.partial_file import partial_file
from tests.support import table


def test_a_file_is_there_when_it_is_complete(tmp_path):
    with partial_file(tmp_path / "out") as partial:
        partial.write_text("whole")
        assert not (tmp_path / "out").exists()
    assert [(each.name, each.read_text()) for each in tmp_path.iterdir()] == [("out", "whole")]


@table("error", [ValueError, KeyboardInterrupt])
@table("kind", ["file", "folder", "nothing"])
def test_nothing_is_left_of_one_that_failed(tmp_path, error, kind):
    def fail(partial):
        if kind == "file":
            partial.write_text("half")
        elif kind == "folder":
            partial.mkdir()
            (partial / "table").write_text("half")
        raise error

    with pytest.raises(error), partial_file(tmp_path / "out") as partial:
        fail(partial)
    assert list(tmp_path.iterdir()) == []


def test_what_is_there_is_not_overwritten_not_even_if_it_came_meanwhile(tmp_path):
    out = tmp_path / "out"
    with pytest.raises(UsageError, match="which exists"), partial_file(out):
        out.write_text("old")
    with pytest.raises(UsageError, match="which exists"), partial_file(out):
        pytest.fail("expected the block not to run")
    assert out.read_text() == "old"


@pytest.mark.parametrize("name", ["file/out", "x" * 300], ids=["in a file", "too long"])
def test_a_name_that_cannot_be_is_an_error_of_the_tree(tmp_path, name):
    (tmp_path / "file").touch()
    with (
        pytest.raises(ExportError, match=r"Not a directory|File name too long"),
        partial_file(tmp_path / name) as partial,
    ):
        partial.write_text("whole")


def test_an_empty_path_is_not_the_working_directory():
    with pytest.raises(UsageError, match="expected a file or folder to write, was ''"), partial_file(""):
        pytest.fail("expected the block not to run")


def test_a_full_disk_or_a_missing_folder_is_an_error_of_the_tree(tmp_path):
    with (
        pytest.raises(ExportError, match=r"none/out: No such file or directory"),
        partial_file(tmp_path / "none/out") as it,
    ):
        it.write_text("")
    with pytest.raises(ExportError, match="No space left on device"), partial_file(tmp_path / "out"):
        raise OSError(28, "No space left on device")
