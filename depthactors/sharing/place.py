"""The place of a shared engine, and its locks.

An engine called `books` has a folder `depthactors-books` in the machine's shared memory: `/dev/shm` if there is one,
as on Linux, else `/tmp`; not the folder of TMPDIR, which may differ between an engine and its readers. In it:

- `lock`: the engine's process holds its lock, and no other user can open it. The process that has the lock has the
  name; the system gives the lock back when the process ends, however it ends;
- `engine`: 64 bytes in shared memory (`sharing.pulse`). The engine's process holds its lock, too, by which readers see
  that it runs. Another user's process may lock this file after the engine's end; the next engine makes a new file;
- `books.json`: the list of books (`sharing.listing`), written to another file and renamed, so it is always whole;
- `book-N`: slots of several books, each at a place of its own, which no other book gets later.

These are files rather than `multiprocessing.shared_memory`: readers can map them for reading only, they have modes,
full memory is a typed error instead of a SIGBUS at the first access, and no reader's resource tracker removes them.
"""

from __future__ import annotations

import os
import re
import tempfile
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from depthactors.errors import SharingError, UsageError

# POSIX alone has it.
_HAS_LOCKS = find_spec("fcntl") is not None
if TYPE_CHECKING or _HAS_LOCKS:
    import fcntl

PREFIX: Final = "depthactors-"
LOCK: Final = "lock"
ENGINE: Final = "engine"
BOOKS: Final = "books.json"
BOOK: Final = "book-"
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_MEMORY: Final = Path("/dev/shm")  # noqa: S108 - shared memory is what is wanted
_ELSE: Final = Path("/tmp")  # noqa: S108 - the same for every process, and files there are checked for their owner


def check_name(name: Any) -> None:
    """Check the name of a shared engine.

    Raises:
        UsageError: not 1 to 64 letters, digits, dots, dashes and underscores, of which the first is a letter or digit.
    """
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        msg = f"expected a name of 1 to 64 letters, digits, '.', '-' and '_', was {name!r}"
        raise UsageError(msg)


def memory_folder() -> Path:
    """Return the folder for the folders of this process's engines.

    Raises:
        SharingError: books cannot be shared on this system, or no folder can be written to.
    """
    _check_system()
    for path in (_MEMORY, _ELSE):
        if os.access(path, os.W_OK):
            return path
    try:
        return Path(tempfile.gettempdir())
    except OSError as error:
        msg = f"expected to write to {_MEMORY} or {_ELSE}, to share books there: {error}"
        raise SharingError(msg) from error


def place_of(file: str, begin: int) -> str:
    """Return the text of a slot's place."""
    return f"{file}@{begin}"


def parts_of(place: str) -> tuple[str, int]:
    """Return the file of a slot, and the offset at which it begins."""
    file, _, begin = place.partition("@")
    return file, int(begin)


def folder_of(name: str) -> Path:
    """Return the folder of an engine of this process."""
    return memory_folder() / f"{PREFIX}{name}"


def find_folder(name: str) -> Path:
    """Return the folder of an engine of any process, or the path that it would have.

    A reader need not be able to write there: a container may have `/dev/shm` for reading only.

    Raises:
        SharingError: books cannot be shared on this system.
    """
    candidates = [parent / f"{PREFIX}{name}" for parent in _parents()]
    return next((path for path in candidates if os.path.lexists(path)), candidates[0])


def shared_names() -> list[str]:
    """Return the names for which this machine has a folder, in order; their engines may have ended.

    Raises:
        SharingError: books cannot be shared on this system.
    """
    return sorted({path.name.removeprefix(PREFIX) for parent in _parents() for path in parent.glob(f"{PREFIX}*")})


def _parents() -> list[Path]:
    """Return the folders in which an engine of any process may have its folder."""
    _check_system()
    parents = [_MEMORY, _ELSE]
    # There may be no folder that this process can write to.
    with suppress(FileNotFoundError):
        parents.append(Path(tempfile.gettempdir()))
    return parents


def _check_system() -> None:
    if not _HAS_LOCKS:
        msg = "expected a POSIX system, was one without file locks: books cannot be shared between processes here"
        raise SharingError(msg)


def try_lock(descriptor: int, *, shared: bool = False) -> bool:
    """Take the lock of an open file, if it is free; returns whether it was taken."""
    try:
        fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def is_held(descriptor: int) -> bool:
    """Return whether an engine holds the lock of an open file; a microsecond or two."""
    if try_lock(descriptor, shared=True):
        fcntl.flock(descriptor, fcntl.LOCK_UN)
        return False
    return True
