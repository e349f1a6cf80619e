"""Where a shared engine is found, and whether it is there.

An engine called `books` has a folder `depthactors-books` in the machine's shared memory: `/dev/shm` where there is one,
as on Linux, else the folder for temporary files. In it:

- `lock`, which the engine's process holds a lock on: the system lets go of it when the process ends, however it ends;
- `engine`, 64 bytes in shared memory: the pulse, and the version of the list of books;
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
from struct import Struct
from typing import Any, Final

from depthactors.errors import SharingError, UsageError

try:
    import fcntl
except ImportError:  # pragma: no cover - not POSIX
    fcntl = None  # type: ignore[assignment]

PREFIX: Final = "depthactors-"
LOCK: Final = "lock"
ENGINE: Final = "engine"
ENGINE_SIZE: Final = 64
"""Bytes of the file `engine`."""
BOOKS: Final = "books.json"
BOOK: Final = "book-"
PULSE: Final = Struct("=d")
"""At 0 of `engine`: the monotonic clock at the last sign of life, the same in every process of a machine; negative once
the engine has ended in good order."""
VERSION: Final = Struct("=Q")
"""At 8 of `engine`: changes with each change of `books.json`."""
VERSION_AT: Final = PULSE.size
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_MEMORY: Final = Path("/dev/shm")  # noqa: S108 - shared memory is what is wanted


def check_name(name: Any) -> None:
    """Refuse what cannot be the name of a shared engine.

    Raises:
        UsageError: not 1 to 64 letters, digits, dots, dashes and underscores, of which the first is a letter or digit.
    """
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        msg = f"expected a name of 1 to 64 letters, digits, '.', '-' and '_', was {name!r}"
        raise UsageError(msg)


def memory_folder() -> Path:
    """Return the folder in which shared engines have theirs.

    Raises:
        SharingError: not on this system.
    """
    if fcntl is None:
        msg = "expected a POSIX system, was one without file locks: books cannot be shared between processes here"
        raise SharingError(msg)
    return _MEMORY if os.access(_MEMORY, os.W_OK) else Path(tempfile.gettempdir())


def place_of(file: str, begin: int) -> str:
    """Spell the place of a slot."""
    return f"{file}@{begin}"


def parts_of(place: str) -> tuple[str, int]:
    """Return the file of a slot, and where in it the slot begins."""
    file, _, begin = place.partition("@")
    return file, int(begin)


def folder_of(name: str) -> Path:
    """Return the folder of an engine."""
    return memory_folder() / f"{PREFIX}{name}"


def try_lock(descriptor: int, *, shared: bool = False) -> bool:
    """Take the lock of an open lock file, if nobody holds it; returns whether it was taken."""
    try:
        fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def is_held(descriptor: int) -> bool:
    """Tell whether an engine holds the lock of an open lock file; a microsecond or two."""
    if try_lock(descriptor, shared=True):
        fcntl.flock(descriptor, fcntl.LOCK_UN)
        return False
    return True
