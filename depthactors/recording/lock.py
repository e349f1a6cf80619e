"""The lock on a recording file: no two recorders write one."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, BinaryIO, Final
from weakref import WeakSet

from depthactors.errors import RecordingError

try:
    import fcntl
except ImportError:  # pragma: no cover - not POSIX
    fcntl = None  # type: ignore[assignment]

if TYPE_CHECKING:
    from io import FileIO
    from pathlib import Path

_locked: Final[WeakSet[FileIO | BinaryIO]] = WeakSet()


def lock(file: FileIO | BinaryIO, path: Path) -> None:
    """Keep other recorders away from a file until it is closed, or its process ends.

    Raises:
        RecordingError: another one has it open.
    """
    if fcntl is None:  # pragma: no cover - not POSIX
        return
    try:
        fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise RecordingError(str(path), 0, "expected a file that no other recorder has open, was open") from None
    _locked.add(file)


def _let_go() -> None:
    """Give up in a fork what its parent has locked: the fork has no recorder, and may live longer than its parent."""
    files = [file for file in tuple(_locked) if not file.closed]
    if files:
        # Not closed: a close would write what a file object still has.
        nowhere = os.open(os.devnull, os.O_RDWR)
        for file in files:
            os.dup2(nowhere, file.fileno(), inheritable=False)
        os.close(nowhere)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_let_go)
