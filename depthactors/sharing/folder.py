"""The folder of a shared engine, as the engine's process makes, fills and removes it."""

from __future__ import annotations

import errno
import mmap
import os
import stat
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from depthactors.errors import SharingError
from depthactors.sharing.forks import unforked
from depthactors.sharing.listing import write_list
from depthactors.sharing.place import (
    BOOK,
    BOOKS,
    ENGINE,
    LOCK,
    PREFIX,
    check_name,
    folder_of,
    memory_folder,
    parts_of,
    place_of,
    try_lock,
)
from depthactors.sharing.pulse import SIZE, Pulse
from depthactors.sharing.record import record_room
from depthactors.sharing.slot import SlotWriter, slot_size

if TYPE_CHECKING:
    from collections.abc import Iterable

    from depthactors.sharing.listing import SharedBook

_BOOKS_NEW: Final = f"{BOOKS}.new"
_FIRST_FILE: Final = 1 << 16
_LARGEST_FILE: Final = 1 << 22
"""Bytes of the first file of slots, and of the largest file with room for further books."""
_SPARSE: Final = 4
"""Factor by which a file may be larger than its books."""
_PATIENCE: Final = 1.0
"""Seconds to wait for the lock: readers that check whether an engine is back hold it for microseconds."""


def book_size(depth: int) -> int:
    """Return the bytes of shared memory that a book of `depth` levels a side takes."""
    return slot_size(record_room(depth))


@dataclass(slots=True)
class _Slots:
    """A file of slots.

    Attributes:
        file: name of the file.
        memory: the mapped file.
        used: bytes that were given to books so far.
        books: size of each book in it, by where it begins.
    """

    file: str
    memory: mmap.mmap
    used: int = 0
    books: dict[int, int] = field(default_factory=dict)


class EngineFolder:
    """The folder of one engine. Its owner's process writes; any process may read.

    Thread: one at a time.

    Attributes:
        name: the engine's name.
        path: path of the folder.
    """

    def __init__(self, name: str) -> None:
        """Make nothing yet.

        Raises:
            UsageError: a name that is not allowed.
        """
        check_name(name)
        self.name = name
        self.path = Path()
        # Descriptors of two locks: no other user can open the first, and readers look at the second.
        self._locks: list[int] = []
        self._pulse: Pulse | None = None
        self._made = 0
        self._files: dict[str, _Slots] = {}
        self._slots: _Slots | None = None

    def open(self) -> None:
        """Make the folder, give the first sign of life, and remove the folders of this user's killed engines.

        Raises:
            SharingError: an engine of that name runs, or the folder cannot be made.
        """
        _sweep()
        self.path = folder_of(self.name)
        try:
            is_ours = _locked(self.path, self._locks)
            if is_ours:
                _empty(self.path)
                self._begin()
                self.list_books(())
        except OSError as error:
            self.close()
            msg = f"{self.name}: expected a folder {self.path} of this user's to share books in: {error}"
            raise SharingError(msg) from error
        except BaseException:
            # Ctrl-C, for example: this process would hold the name without an engine.
            self.close()
            raise
        if not is_ours:
            msg = f"expected a name that no running engine has, was {self.name!r}: its lock is held, see {self.path}"
            raise SharingError(msg)

    def check_room(self, depths: Iterable[int]) -> None:
        """Check that there is room for books of these depths.

        Raises:
            SharingError: there is not; the message says how much is needed, how much is free, and where.
        """
        needed = sum(map(book_size, depths))
        if needed > (free := _free()):
            raise SharingError(_no_room(f"{needed} bytes", free))

    def new_book(self, depth: int) -> tuple[str, SlotWriter]:
        """Make a slot for a book; returns its place, and its writing end.

        Slots share files, each twice as large as the one before up to 4 MB: a mapped file costs each process a
        descriptor, of which many systems give it 1,024.

        Raises:
            SharingError: no room, or a file cannot be made.
        """
        size = book_size(depth)
        slots = self._slots
        if slots is None or slots.used + size > len(slots.memory):
            slots = self._new_slots(size)
        begin, slots.used = slots.used, slots.used + size
        slots.books[begin] = size
        return place_of(slots.file, begin), SlotWriter(slots.memory, record_room(depth), begin)

    def remove_book(self, place: str) -> None:
        """Remove a slot; a writer or reader that has it mapped keeps its content.

        The memory is given back with the last slot of its file; `sparse` lists slots that keep too much memory.
        """
        file, begin = parts_of(place)
        slots = self._files.get(file)
        if slots is not None:
            slots.books.pop(begin, None)
            if not slots.books:
                del self._files[slots.file]
                self._slots = None if self._slots is slots else self._slots
                (self.path / slots.file).unlink(missing_ok=True)

    def sparse(self) -> list[str]:
        """Return the places of books that should have another slot, so that their files can be removed; O(files).

        These are the books in files that take no further book, and are used to less than a quarter.
        """
        return [
            place_of(slots.file, begin)
            for slots in self._files.values()
            if slots is not self._slots and sum(slots.books.values()) * _SPARSE < len(slots.memory)
            for begin in slots.books
        ]

    def list_books(self, books: Iterable[tuple[SharedBook, str]]) -> None:
        """Write the list of books, with the place of each one's slot; does nothing after `close`.

        Raises:
            SharingError: no room for the list; the former one stays.
        """
        pulse = self._pulse
        if pulse is None:
            return
        beside = self.path / _BOOKS_NEW
        try:
            beside.write_bytes(write_list(books))
            beside.chmod(0o644)
            beside.replace(self.path / BOOKS)
        except OSError as error:
            raise _failure(error, beside, "the list of books") from error
        pulse.list_changed()

    def beat(self, now: float) -> None:
        """Give a sign of life at `now` (monotonic); does nothing after `close`."""
        pulse = self._pulse
        if pulse is not None:
            pulse.beat(now)

    def close(self) -> None:
        """Write that the engine has ended, remove every file, and give the name back. It may be called twice."""
        pulse, self._pulse = self._pulse, None
        if pulse is not None:
            pulse.close()
        # Taken out first: a signal handler may call this, too.
        locks, self._locks = self._locks, []
        if locks:
            try:
                # The system may have removed it, as some do when the user logs out.
                with suppress(OSError):
                    _remove(self.path)
            finally:
                for lock in locks:
                    os.close(lock)

    def detach(self) -> None:
        """Give up the lock in a fork, which would hold it beyond its parent's end; nothing is removed."""
        locks, self._locks = self._locks, []
        for lock in locks:
            os.close(lock)
        self._pulse = None

    def _begin(self) -> None:
        """Make the file that readers look at, and take its lock before another process can open it."""
        memory = self._mapped(ENGINE, SIZE, mode=0o600)
        path = self.path / ENGINE
        # A descriptor of its own: the mapping has another one, which would keep the lock in a fork.
        with unforked():
            descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
            self._locks.append(descriptor)
        try_lock(descriptor)
        self._pulse = Pulse(memory)
        os.fchmod(descriptor, 0o644)

    def _new_slots(self, size: int) -> _Slots:
        before = self._slots
        wanted = max(size, _FIRST_FILE if before is None else min(2 * len(before.memory), _LARGEST_FILE))
        self._made += 1
        file = f"{BOOK}{self._made}"
        try:
            memory = self._mapped(file, wanted)
        except SharingError:
            # There is no room for further books: this one alone.
            if wanted == size:
                raise
            memory = self._mapped(file, size)
        self._slots = self._files[file] = slots = _Slots(file, memory)
        return slots

    def _mapped(self, file: str, size: int, mode: int = 0o644) -> mmap.mmap:
        """Write a file of zeros and map it. A file that is only extended may find no memory when it is used."""
        path = self.path / file
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            try:
                os.fchmod(descriptor, mode)
                _fill(descriptor, size)
                return mmap.mmap(descriptor, size)
            except BaseException:
                path.unlink(missing_ok=True)
                raise
            finally:
                os.close(descriptor)
        except OSError as error:
            raise _failure(error, path, f"{size} bytes") from error


def _fill(descriptor: int, size: int) -> None:
    if os.write(descriptor, bytes(size)) < size:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _failure(error: OSError, path: Path, needed: str) -> SharingError:
    if error.errno in {errno.ENOSPC, errno.ENOMEM, errno.EDQUOT}:
        return SharingError(_no_room(needed, _free()))
    return SharingError(f"expected to share books in {path}: {error}")


def _no_room(needed: str, free: int) -> str:
    return f"expected room for {needed} of shared memory in {memory_folder()}, was {free} bytes free"


def _free() -> int:
    statistics = os.statvfs(memory_folder())
    return statistics.f_bavail * statistics.f_frsize


def _locked(path: Path, locks: list[int]) -> bool:
    """Make the folder, take its lock, and add it to `locks`; returns whether it could be taken.

    No other user can open the lock: that user could hold it for ever.
    """
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        try:
            path.mkdir(mode=0o755, exist_ok=True)
            if not _is_ours(path):
                raise PermissionError(errno.EPERM, "not a folder of this user's")
            with unforked():
                descriptor = os.open(path / LOCK, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
                locks.append(descriptor)
        except FileNotFoundError:
            # Its former owner has just removed the folder.
            continue
        except FileExistsError:
            if not _swept(path):
                time.sleep(0.005)
            continue
        if try_lock(descriptor) and _is_there(descriptor, path / LOCK):
            # Whatever the umask is: any process may read the other files.
            path.chmod(0o755)
            os.fchmod(descriptor, 0o600)
            return True
        locks.remove(descriptor)
        os.close(descriptor)
        time.sleep(0.005)
    return False


def _is_ours(path: Path) -> bool:
    """Return whether a folder belongs to this user, and is not a link."""
    status = path.lstat()
    return stat.S_ISDIR(status.st_mode) and status.st_uid == os.geteuid()


def _is_there(descriptor: int, path: Path) -> bool:
    """Return whether an open file is the one at that path: it may have been removed during the wait for its lock."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def remove_abandoned(path: Path) -> None:
    """Remove the folder of one of this user's engines, if it was killed."""
    # A folder that cannot be removed does no harm.
    with suppress(OSError):
        _swept(path)


def _sweep() -> None:
    """Remove the folders of this user's killed engines."""
    for path in memory_folder().glob(f"{PREFIX}*"):
        remove_abandoned(path)


def _swept(path: Path) -> bool:
    """Remove an engine's folder if it is this user's, and its lock is free; returns whether it is gone."""
    try:
        if not _is_ours(path):
            return False
        descriptor = os.open(path / LOCK, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    except FileNotFoundError:
        return True
    try:
        if not (try_lock(descriptor) and _is_there(descriptor, path / LOCK)):
            return False
        _remove(path)
    finally:
        os.close(descriptor)
    return True


def _empty(path: Path) -> None:
    """Remove the files of an engine that has ended, and no other files."""
    for each in path.iterdir():
        if each.name in {ENGINE, BOOKS, _BOOKS_NEW} or each.name.startswith(BOOK):
            each.unlink(missing_ok=True)


def _remove(path: Path) -> None:
    """Remove a folder whose lock is held. The lock is last: until then the name is taken."""
    _empty(path)
    (path / LOCK).unlink(missing_ok=True)
    # The next engine of that name may have made its lock in it.
    with suppress(OSError):
        path.rmdir()
