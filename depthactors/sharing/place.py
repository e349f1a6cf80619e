"""Where a shared engine is found, and whether it is there.

An engine called `books` has a folder `depthactors-books` in the machine's shared memory: `/dev/shm` where there is one,
as on Linux, else `/tmp`; not where TMPDIR points, which need not be the same for an engine and its readers. In it:

- `lock`, which the engine's process holds a lock on, and which nobody but its user can open: the system lets go of a
  lock when the process ends, however it ends. Who has it has the name;
- `engine`, 64 bytes in shared memory (`sharing.pulse`), which the engine's process holds a lock on, too: by this one
  readers see that it lives. Another user's process may lock that file when its engine is gone, which is in nobody's
  way: the next engine makes a new one;
- `books.json`, that list: written beside and renamed, so it is always whole;
- `book-N`, slots of several books, each at a place of its own, which no other book gets later.

Files rather than `multiprocessing.shared_memory`: they can be mapped so that readers cannot write, have modes, tell in
a typed error that memory is full instead of by a SIGBUS at the first touch, and no resource tracker of a reader removes
them under the others.
"""

from __future__ import annotations

import os
import re
import tempfile
from pathlib import Path
from typing import Any, Final

from depthactors.errors import SharingError, UsageError

try:
    import fcntl
except ImportError:  # pragma: no cover - not POSIX
    fcntl = None  # type: ignore[assignment]

PREFIX: Final = "depthactors-"
LOCK: Final = "lock"
ENGINE: Final = "engine"
BOOKS: Final = "books.json"
BOOK: Final = "book-"
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_MEMORY: Final = Path("/dev/shm")  # noqa: S108 - shared memory is what is wanted
_ELSE: Final = Path("/tmp")  # noqa: S108 - the same for every process, and files there are checked for their owner


def check_name(name: Any) -> None:
    """Refuse what cannot be the name of a shared engine.

    Raises:
        UsageError: not 1 to 64 letters, digits, dots, dashes and underscores, of which the first is a letter or digit.
    """
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        msg = f"expected a name of 1 to 64 letters, digits, '.', '-' and '_', was {name!r}"
        raise UsageError(msg)


def memory_folder() -> Path:
    """Return the folder in which shared engines of this process have theirs.

    Raises:
        SharingError: not on this system.
    """
    _check_system()
    candidates = (_MEMORY, _ELSE)
    return next((path for path in candidates if os.access(path, os.W_OK)), Path(tempfile.gettempdir()))


def place_of(file: str, begin: int) -> str:
    """Spell the place of a slot."""
    return f"{file}@{begin}"


def parts_of(place: str) -> tuple[str, int]:
    """Return the file of a slot, and where in it the slot begins."""
    file, _, begin = place.partition("@")
    return file, int(begin)


def folder_of(name: str) -> Path:
    """Return the folder of an engine of this process."""
    return memory_folder() / f"{PREFIX}{name}"


def find_folder(name: str) -> Path:
    """Return the folder of an engine of any process, or where it would be.

    An engine may write where a reader may not, as in a container that has `/dev/shm` for reading.

    Raises:
        SharingError: not on this system.
    """
    _check_system()
    candidates = [parent / f"{PREFIX}{name}" for parent in (_MEMORY, _ELSE, Path(tempfile.gettempdir()))]
    return next((path for path in candidates if os.path.lexists(path)), candidates[0])


def _check_system() -> None:
    if fcntl is None:
        msg = "expected a POSIX system, was one without file locks: books cannot be shared between processes here"
        raise SharingError(msg)


def try_lock(descriptor: int, *, shared: bool = False) -> bool:
    """Take the lock of an open lock file, if nobody holds it; returns whether it was taken."""
    try:
        fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def is_held(descriptor: int) -> bool:
    """Return whether an engine holds the lock of an open lock file; a microsecond or two."""
    if try_lock(descriptor, shared=True):
        fcntl.flock(descriptor, fcntl.LOCK_UN)
        return False
    return True
