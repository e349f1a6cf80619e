"""Where shared engines are, and their locks."""

import errno
import os
import tempfile
from pathlib import Path

import pytest

from depthactors.errors import SharingError, UsageError
from depthactors.sharing import place
from depthactors.sharing.place import check_name, find_folder, folder_of, is_held, memory_folder, try_lock
from tests.support import table


@pytest.fixture
def descriptors(tmp_path):
    """Open the same file as several processes would."""
    path = tmp_path / "lock"
    path.touch()
    opened = [os.open(path, os.O_RDWR) for _ in range(3)]
    yield opened
    for descriptor in opened:
        os.close(descriptor)


@table("name", ["a", "books", "A.b-c_9", "9", "a" * 64])
def test_names_that_are_names(name):
    check_name(name)
    assert folder_of(name).parent == memory_folder()


@table("name", ["", "..", "a/b", "é", "a" * 65, "a\n", b"a"])
def test_names_that_are_none(name):
    with pytest.raises(UsageError, match="expected a name of 1 to 64"):
        check_name(name)


def test_a_lock_is_held_by_one(descriptors):
    engine, other, reader = descriptors
    assert not is_held(reader)
    assert try_lock(engine)
    assert (is_held(reader), is_held(other), try_lock(other)) == (True, True, False)


def test_readers_do_not_take_each_other_for_an_engine(descriptors):
    one, other, engine = descriptors
    assert try_lock(one, shared=True)
    assert not is_held(other)
    assert not try_lock(engine), "for as long as somebody looks"
    assert not is_held(one), "and looking leaves nothing locked"
    assert try_lock(engine)


def test_without_shared_memory_there_is_a_folder_that_is_the_same_for_all(monkeypatch, tmp_path):
    monkeypatch.setattr(place, "_MEMORY", tmp_path / "none")
    monkeypatch.setattr(tempfile, "tempdir", "/of/this/process/alone")
    assert memory_folder() == Path("/tmp")
    monkeypatch.setattr(place, "_ELSE", tmp_path / "none either")
    assert memory_folder() == Path("/of/this/process/alone")
    monkeypatch.setattr(place, "_MEMORY", tmp_path)
    assert folder_of("books") == tmp_path / "depthactors-books"


def test_on_a_system_that_is_read_only_apart_from_shared_memory_that_is_enough(monkeypatch, tmp_path):
    def none():
        raise FileNotFoundError(errno.ENOENT, "No usable temporary directory found")

    monkeypatch.setattr(tempfile, "gettempdir", none)
    monkeypatch.setattr(place, "_MEMORY", tmp_path)
    assert memory_folder() == tmp_path
    assert find_folder("books") == tmp_path / "depthactors-books"
    monkeypatch.setattr(os, "access", lambda _path, _mode: False)
    assert find_folder("books") == tmp_path / "depthactors-books", "which can still be read"
    with pytest.raises(SharingError, match=r"expected to write to .*No usable temporary directory"):
        memory_folder()


def test_a_reader_that_may_not_write_there_finds_an_engine_that_may(monkeypatch, tmp_path):
    memory, other = tmp_path / "shm", tmp_path / "tmp"
    monkeypatch.setattr(place, "_MEMORY", memory)
    monkeypatch.setattr(place, "_ELSE", other)
    monkeypatch.setattr(os, "access", lambda path, _mode: path != memory)
    assert find_folder("books") == memory / "depthactors-books", "as an error names it"
    for parent in (other, memory):
        (parent / "depthactors-books").mkdir(parents=True)
        assert find_folder("books") == parent / "depthactors-books"
    assert folder_of("books") == other / "depthactors-books"


def test_a_system_without_locks_is_told(monkeypatch):
    monkeypatch.setattr(place, "_HAS_LOCKS", False)
    with pytest.raises(SharingError, match="expected a POSIX system, was one without file locks"):
        folder_of("books")
