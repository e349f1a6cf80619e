"""The folder of a shared engine: who gets the name, what is made and removed, and what a full memory leaves."""

import errno
import fcntl
import mmap
import os
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from depthactors.errors import SharingError, UsageError
from depthactors.sharing import DepthReader, EngineFolder, SharedBook, book_size, folder
from depthactors.sharing import place as place_module
from depthactors.sharing.place import LOCK, folder_of, parts_of
from tests.sharing.publisher import ROOT, Program, Publisher
from tests.support import table


@pytest.fixture
def opened(name):
    """An open folder, and its path."""
    opened = EngineFolder(name)
    opened.open()
    yield opened
    opened.close()


def modes(path):
    return {each.name: stat.S_IMODE(each.stat().st_mode) for each in [path, *path.iterdir()]}


# Names.


@table("name", ["", ".", "..", "a/b", "-a", "a" * 65, "a b", "a\n", 7, None])
def test_what_cannot_be_a_name_is_refused(name):
    with pytest.raises(UsageError, match="expected a name of 1 to 64 letters"):
        EngineFolder(name)


def test_one_engine_at_a_time_has_a_name(opened, monkeypatch):
    monkeypatch.setattr(folder, "_PATIENCE", 0.05)
    second = EngineFolder(opened.name)
    with pytest.raises(SharingError, match=f"a name that no running engine has, was '{opened.name}'"):
        second.open()
    assert modes(opened.path), "the first one's files stay"
    opened.close()
    second.open()
    second.close()


def test_a_name_that_another_process_has_is_taken(name, program, monkeypatch):
    monkeypatch.setattr(folder, "_PATIENCE", 0.05)
    with pytest.raises(SharingError, match="its lock is held"):
        EngineFolder(name).open()


def test_of_many_that_start_at_once_one_gets_the_name(name, monkeypatch):
    monkeypatch.setattr(folder, "_PATIENCE", 0.2)
    begin, won, lost = threading.Barrier(8), [], []

    def start():
        mine = EngineFolder(name)
        begin.wait(10)
        try:
            mine.open()
        except SharingError:
            lost.append(mine)
        else:
            won.append(mine)

    threads = [threading.Thread(target=start) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert (len(won), len(lost)) == (1, 7)
    for mine in lost:
        mine.close()
    with DepthReader(name) as reader:
        assert reader.alive
    won[0].close()


# What engines that were killed leave.


def test_what_a_killed_engine_left_is_removed_when_any_engine_starts(name, program):
    program.do("follow", "BTCUSDT")
    program.kill()
    other = EngineFolder(f"{name}-other")
    other.open()
    other.close()
    assert not folder_of(name).exists()


def test_a_running_engine_is_not_swept(name, program):
    other = EngineFolder(f"{name}-other")
    other.open()
    other.close()
    with DepthReader(name) as reader:
        assert reader.alive


@pytest.fixture
def killed(name, monkeypatch, tmp_path):
    """The folder of a killed engine, in a memory of its own: in the real one any engine would remove it."""
    monkeypatch.setattr(place_module, "_MEMORY", tmp_path)
    killed = EngineFolder(name)
    killed.open()
    killed.new_book(5)
    # As the system does at the end of a process: the locks are given back, and the files stay.
    killed.detach()


@pytest.mark.usefixtures("killed")
def test_what_is_another_users_is_not_removed(name, monkeypatch):
    real = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: real + 1)
    folder._sweep()
    assert (folder_of(name) / LOCK).exists()
    with pytest.raises(SharingError, match="not a folder of this user's"):
        EngineFolder(name).open()
    monkeypatch.setattr(os, "geteuid", lambda: real)
    folder._sweep()
    assert not folder_of(name).exists()


@pytest.mark.usefixtures("killed")
def test_files_of_others_in_a_folder_stay(name):
    foreign = folder_of(name) / "notes.txt"
    foreign.write_text("mine")
    folder._sweep()
    assert [each.name for each in folder_of(name).iterdir()] == ["notes.txt"]
    again = EngineFolder(name)
    again.open()
    again.close()
    assert foreign.read_text() == "mine"
    foreign.unlink()
    folder_of(name).rmdir()


def test_a_folder_that_is_no_engines_stays(name):
    path = folder_of(name)
    path.mkdir()
    (path / "book-1").write_text("a novel")
    folder._sweep()
    assert (path / "book-1").read_text() == "a novel"
    (path / "book-1").unlink()
    path.rmdir()


def test_a_link_in_the_place_of_a_folder_is_not_followed(name, tmp_path):
    for file in (LOCK, "book-of-poems"):
        (tmp_path / file).write_text("mine")
    link = folder_of(name)
    link.symlink_to(tmp_path)
    try:
        folder._sweep()
        with pytest.raises(SharingError, match="not a folder of this user's"):
            EngineFolder(name).open()
    finally:
        link.unlink()
    assert sorted(each.name for each in tmp_path.iterdir()) == ["book-of-poems", LOCK]


def test_the_lock_of_a_killed_engine_is_never_the_next_ones(name, program, monkeypatch):
    """A reader that looks at the dead engine's lock in the wrong moment keeps it from being swept."""
    program.do("follow", "BTCUSDT", 1)
    with DepthReader(name) as reader, (folder_of(name) / LOCK).open() as looked_at:
        assert reader.view("BTCUSDT").last_update_id == 1
        program.kill()
        fcntl.flock(looked_at, fcntl.LOCK_SH)
        # Only the folder's own waits: with `time.sleep` itself patched, every other thread that pauses would spin.
        waits = SimpleNamespace(monotonic=time.monotonic, sleep=lambda _: fcntl.flock(looked_at, fcntl.LOCK_UN))
        monkeypatch.setattr(folder, "time", waits)
        successor = Publisher(name)
        successor.open()
        try:
            assert not os.path.samestat(os.fstat(looked_at.fileno()), (folder_of(name) / LOCK).stat())
            successor.follow("BTCUSDT", 2)
            # It is looked whether an engine lives a hundred times a second.
            assert reader.wait("BTCUSDT", after=reader.view("BTCUSDT"), timeout=10).last_update_id == 2
        finally:
            successor.close()


# Room.


def free_bytes(monkeypatch, free):
    monkeypatch.setattr(os, "statvfs", lambda _: SimpleNamespace(f_bavail=free // 4096, f_frsize=4096))


def test_room_is_checked_in_advance_and_sizes_are_told(opened, monkeypatch):
    free_bytes(monkeypatch, 8192 * 100)
    opened.check_room([5, 10])
    opened.check_room([])
    needed = book_size(100) * 100
    with pytest.raises(SharingError, match=rf"room for {needed} bytes of shared memory in .*, was 819200 bytes free"):
        opened.check_room([100] * 100)


@pytest.fixture
def full(monkeypatch):
    """Let all that is written from now on find so many bytes of room."""

    def full(room):
        write = os.write

        def short(descriptor, data):
            if room == 0:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return write(descriptor, data[:room])

        monkeypatch.setattr(os, "write", short)

    return full


@pytest.mark.parametrize("room", [0, 1, 1000])
def test_a_book_that_finds_no_room_leaves_nothing(opened, full, room):
    before = modes(opened.path)
    full(room)
    with pytest.raises(SharingError, match=rf"expected room for {book_size(10)} bytes of shared memory in .* free"):
        opened.new_book(10)
    assert modes(opened.path) == before


@pytest.mark.parametrize("room", [0, 1])
def test_an_engine_that_finds_no_room_leaves_nothing_and_may_try_again(name, full, monkeypatch, room):
    mine = EngineFolder(name)
    full(room)
    with pytest.raises(SharingError, match="expected room for 64 bytes"):
        mine.open()
    assert not folder_of(name).exists()
    monkeypatch.undo()
    mine.open()
    mine.close()


def test_whatever_else_the_system_refuses_is_a_sharing_error(opened, monkeypatch):
    def no_more(*_):
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    before = modes(opened.path)
    with monkeypatch.context() as patch:
        patch.setattr(folder.mmap, "mmap", no_more)
        with pytest.raises(SharingError, match="Too many open files"):
            opened.new_book(5)
    assert modes(opened.path) == before


def test_a_list_that_finds_no_room_leaves_the_one_before(opened, monkeypatch):
    before = (opened.path / "books.json").read_bytes()

    def no_room(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(type(opened.path), "write_bytes", no_room)
        with pytest.raises(SharingError, match="room for the list of books"):
            opened.list_books([(SharedBook("BTCUSDT", "spot", 100, 5), "book-1@0")])
    assert (opened.path / "books.json").read_bytes() == before


# Rights.


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077, 0o777])
def test_every_process_may_read_and_none_but_the_owners_write_whatever_the_umask(name, umask):
    mine = EngineFolder(name)
    before = os.umask(umask)
    try:
        mine.open()
        mine.new_book(5)
        mine.list_books([])
    finally:
        os.umask(before)
    found = modes(mine.path)
    mine.close()
    assert found.pop(f"depthactors-{name}") == 0o755
    assert found.pop("lock") == 0o600, "another user could hold it for ever"
    assert found == dict.fromkeys(["engine", "books.json", "book-1"], 0o644)


def test_a_reader_cannot_write(publisher):
    publisher.follow("BTCUSDT")
    with DepthReader(publisher.folder.name) as reader:
        reader.view("BTCUSDT")
        (slot,) = reader._attached._slots.values()
        for memory in (slot._memory, reader._attached._pulse._memory):
            with pytest.raises(TypeError, match=r"readonly|read-only"):
                memory[0] = 1


# The end.


def test_closing_removes_everything_and_may_be_done_twice(name):
    mine = EngineFolder(name)
    mine.close()
    mine.open()
    mine.new_book(5)
    with DepthReader(name) as reader:
        mine.close()
        mine.close()
        assert not reader.alive
    assert not mine.path.exists()
    mine.beat(1.0)
    mine.list_books([])
    assert not mine.path.exists(), "what comes late is ignored"


def test_a_folder_that_somebody_removed_can_be_closed_and_made_again(name):
    mine = EngineFolder(name)
    mine.open()
    subprocess.run(["rm", "-r", mine.path], check=True)
    for call in (lambda: mine.new_book(5), lambda: mine.list_books([])):
        with pytest.raises(SharingError, match=r"expected to share books in .*No such file"):
            call()
    mine.close()
    mine.open()
    mine.close()


def test_an_interrupted_start_lets_go_of_the_name(name, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    mine = EngineFolder(name)
    with monkeypatch.context() as patch:
        patch.setattr(folder, "_empty", interrupted)
        patch.setattr(folder, "_remove", lambda path: (path / LOCK).unlink())
        with pytest.raises(KeyboardInterrupt):
            mine.open()
    mine.open()
    mine.close()


def test_a_fork_lets_go_and_removes_nothing(name):
    script = f"""
import os, sys
from depthactors.sharing import EngineFolder
mine = EngineFolder({name!r})
mine.open()
ready, wait = os.pipe()
child = os.fork()
if child == 0:
    mine.detach()
    mine.detach()
    mine.close()
    os.write(1, f"{{sorted(os.listdir(mine.path))}}\\n".encode())
    sys.stdin.read()
    os._exit(0)
os.write(1, f"{{child}}\\n".encode())
os.kill(os.getpid(), 9)
"""
    command = [sys.executable, "-c", script]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        lines = sorted(process.stdout.readline() for _ in range(2))
        assert process.wait(20) == -9
        # The fork lives, and does not hold the name.
        os.kill(int(lines[0]), 0)
        assert "['books.json', 'engine', 'lock']" in lines[1]
        mine = EngineFolder(name)
        mine.open()
        mine.close()
        process.stdin.close()
        assert process.stdout.read() == ""


def test_a_fork_in_the_middle_of_the_making_of_a_lock_keeps_none_either(name, monkeypatch):
    mine, plain, exits, threads = EngineFolder(name), os.open, [], []

    def fork(lock):
        child = os.fork()
        if child == 0:
            mine.detach()
            # Whether this process has what the other one has just opened.
            os._exit(Path(f"/dev/fd/{lock}").exists())
        exits.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))

    def opening(path, flags, *arguments, **options):
        descriptor = plain(path, flags, *arguments, **options)
        if Path(path) == folder_of(name) / LOCK and flags & os.O_CREAT and not threads:
            threads.append(threading.Thread(target=fork, args=(descriptor,)))
            threads[0].start()
            # As long as it takes, but for a fork that waits until the lock is noted.
            threads[0].join(0.2)
        return descriptor

    monkeypatch.setattr(os, "open", opening)
    mine.open()
    threads[0].join(20)
    mine.close()
    assert exits == [0]


def test_a_program_that_ends_by_itself_leaves_nothing(name):
    with Program(name) as program:
        program.do("follow", "BTCUSDT")
    assert not folder_of(name).exists()


def test_books_that_are_alone_in_large_files_are_named_until_they_have_another_slot(opened):
    """Days of many short-lived books beside a few that stay, as with a day's options."""
    alive = []
    for _ in range(12):
        places = [opened.new_book(100)[0] for _ in range(140)]
        alive.append(places.pop(70))
        for place in places:
            opened.remove_book(place)
        # As the engine does, at its next beats.
        for place in opened.sparse():
            alive.remove(place)
            alive.append(opened.new_book(100)[0])
            opened.remove_book(place)
        assert len(set(alive)) == len(alive)
        used = sum(each.stat().st_size for each in opened.path.glob("book-*"))
        assert used <= 4 * len(alive) * book_size(100) + 2 * folder._LARGEST_FILE
    assert opened.sparse() == []


def test_books_share_files_and_the_last_to_go_takes_its_file_along(opened):
    depths = [1, 5, 1000, *[100] * 200]
    places = [opened.new_book(depth)[0] for depth in depths]
    ends = {}
    for place, depth in zip(places, depths, strict=True):
        file, begin = parts_of(place)
        assert begin >= ends.get(file, 0), "no two overlap"
        ends[file] = begin + book_size(depth)
    assert all((opened.path / file).stat().st_size >= end for file, end in ends.items())
    assert len(ends) < 10, "a mapped file costs a descriptor"
    needed = sum(map(book_size, depths))
    assert sum((opened.path / file).stat().st_size for file in ends) < 2 * needed + 2**16
    for place in places:
        opened.remove_book(place)
        opened.remove_book(place)
        left = {parts_of(each)[0] for each in places[places.index(place) + 1 :]}
        assert {file.name for file in opened.path.glob("book-*")} == left


def test_without_room_for_more_there_is_room_for_one(opened, monkeypatch):
    write = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: write(descriptor, data[: book_size(5)]))
    place, slot = opened.new_book(5)
    assert (opened.path / parts_of(place)[0]).stat().st_size == book_size(5)
    assert isinstance(slot._memory, mmap.mmap)
