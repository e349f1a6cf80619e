"""Whose engine a reader believes, and that nobody else's process is in an engine's way."""

import fcntl
import gc
import os
import subprocess
import sys
import time

import pytest

from depthactors.book import BookState
from depthactors.errors import SharingError, UsageError
from depthactors.sharing import DepthReader, pulse
from depthactors.sharing.ownership import believed_users, open_file, open_folder
from depthactors.sharing.place import BOOKS, ENGINE, LOCK, folder_of
from tests.sharing.publisher import Publisher, descriptors
from tests.support import table

OTHER = 54_321
MINE = believed_users(None)


@pytest.fixture
def owned_by_another(monkeypatch):
    """Let what is opened at these paths be another user's, from now on."""
    plain, foreign = os.fstat, []

    def fstat(descriptor):
        status = plain(descriptor)
        if any(os.path.samestat(status, each) for each in foreign):
            fields = list(status)
            fields[4] = OTHER
            return os.stat_result(fields)
        return status

    monkeypatch.setattr(os, "fstat", fstat)
    return lambda *paths: foreign.extend(path.stat() for path in paths)


def test_ones_own_user_and_root_are_believed_and_whoever_is_named():
    assert believed_users(None) == {os.geteuid(), 0}
    assert believed_users("root") == {os.geteuid(), 0}
    assert believed_users(OTHER) == {os.geteuid(), 0, OTHER}


@table("owner", [-1, True, 1.0, b"root", "no such user here"])
def test_who_cannot_be_a_user_is_refused(owner):
    with pytest.raises(UsageError, match="expected the name or number of a user as owner"):
        believed_users(owner)


def test_another_users_engine_is_believed_by_who_names_him_alone(publisher, owned_by_another):
    publisher.follow("BTCUSDT")
    owned_by_another(publisher.folder.path, *publisher.folder.path.iterdir())
    for attach in (DepthReader, DepthReader.wait_for_engine):
        with pytest.raises(
            SharingError, match=rf"expected a folder of user .*, was one of user {OTHER} with mode drwx"
        ):
            attach(publisher.folder.name)
    with DepthReader(publisher.folder.name, owner=OTHER) as reader:
        assert reader.view("BTCUSDT").state is BookState.LIVE


@pytest.mark.parametrize("file", [ENGINE, BOOKS, "book-1"])
def test_a_file_of_another_user_in_a_folder_that_is_believed_is_not(publisher, owned_by_another, file):
    publisher.follow("BTCUSDT")
    owned_by_another(publisher.folder.path / file)
    with pytest.raises(SharingError, match=rf"expected a plain file of user .*{file}, was one of user {OTHER}"):
        DepthReader(publisher.folder.name).view("BTCUSDT")


@pytest.mark.parametrize("file", ["", ENGINE, BOOKS, "book-1"])
@pytest.mark.parametrize("mode", [0o020, 0o002])
def test_what_others_may_write_is_not_believed(publisher, file, mode):
    publisher.follow("BTCUSDT")
    path = publisher.folder.path / file
    path.chmod(path.stat().st_mode | mode)
    with pytest.raises(SharingError, match="not writable for others"):
        DepthReader(publisher.folder.name).view("BTCUSDT")


def test_links_and_pipes_are_neither_followed_nor_waited_for(tmp_path):
    real = tmp_path / "real"
    real.mkdir()
    (tmp_path / "link").symlink_to(real)
    (tmp_path / "file").touch()
    for name in ("link", "file"):
        with pytest.raises(SharingError, match="was a file or a link"):
            open_folder(tmp_path / name, MINE)
    (real / "secret").write_text("mine")
    (real / "link").symlink_to(real / "secret")
    os.mkfifo(real / "pipe", 0o600)
    folder = open_folder(real, MINE)
    try:
        with pytest.raises(OSError, match="symbolic links"):
            open_file(folder, "link", real)
        with pytest.raises(SharingError, match="expected a plain file"):
            open_file(folder, "pipe", real)
        with os.fdopen(open_file(folder, "secret", real)) as opened:
            assert opened.read() == "mine"
    finally:
        os.close(folder)


def test_what_is_refused_leaves_no_descriptor_open(publisher, owned_by_another):
    publisher.follow("BTCUSDT")
    owned_by_another(publisher.folder.path / ENGINE)
    # Those that other tests left to the collector are none of this one's.
    gc.collect()
    before = len(descriptors())
    for _ in range(3):
        with pytest.raises(SharingError):
            DepthReader(publisher.folder.name)
    assert len(descriptors()) == before


@pytest.mark.parametrize("kind", [pytest.param(fcntl.LOCK_SH, marks=pytest.mark.full), fcntl.LOCK_EX])
def test_a_lock_that_a_foreign_process_holds_is_in_nobodys_way(name, program, monkeypatch, kind):
    """What every user may open he may lock, from the moment at which the engine is killed."""
    program.do("follow", "BTCUSDT", 1)
    with DepthReader(name) as reader, (folder_of(name) / ENGINE).open() as foreign:
        program.kill()
        fcntl.flock(foreign, kind)
        monkeypatch.setattr(pulse, "PULSE_LIMIT", 0.05)
        deadline = time.monotonic() + 10
        while reader.view("BTCUSDT").state is not BookState.STALE:
            assert time.monotonic() < deadline
        monkeypatch.setattr(pulse, "PULSE_LIMIT", 5.0 if kind == fcntl.LOCK_SH else 0.05)
        successor = Publisher(name)
        successor.open()
        try:
            successor.follow("BTCUSDT", 2)
            while reader.view("BTCUSDT").last_update_id != 2:
                assert time.monotonic() < deadline
        finally:
            successor.close()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be another user")
def test_the_lock_of_the_name_cannot_be_opened_by_another_user(publisher):
    script = f"import os; os.setuid({OTHER}); open({str(publisher.folder.path / LOCK)!r})"
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert "PermissionError" in run.stderr
