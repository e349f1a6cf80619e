"""The worker processes of the engine that is soaked, as the system knows them: found, killed, stopped, counted."""

from __future__ import annotations

import os
import signal
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from depthactors.sharing.place import folder_of

_PROGRAM = b"depthactors.worker.worker"


class Child(NamedTuple):
    """A process that this one has started.

    Attributes:
        pid: its number.
        is_zombie: it has ended, and nobody has asked how.
        is_worker: it is a worker of an engine.
    """

    pid: int
    is_zombie: bool
    is_worker: bool


def children() -> list[Child]:
    """Return the processes that this one has started and that the system still has."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        # One that ends while it is looked at is no child.
        with suppress(OSError):
            state, parent = (path / "stat").read_text().rpartition(")")[2].split()[:2]
            if int(parent) == os.getpid():
                found.append(Child(int(path.name), state == "Z", _PROGRAM in (path / "cmdline").read_bytes()))
    return sorted(found)


def workers() -> list[int]:
    """Return the numbers of the worker processes that run."""
    return [child.pid for child in children() if child.is_worker and not child.is_zombie]


def send(pid: int, number: signal.Signals) -> None:
    """Send a signal to a process, which may have ended meanwhile."""
    with suppress(ProcessLookupError):
        os.kill(pid, number)


def stop_this_one(seconds: float) -> None:
    """Stop this very process, which goes on when so many seconds are over; returns then."""
    pid = os.getpid()
    subprocess.run(["sh", "-c", f"kill -STOP {pid}; sleep {seconds}; kill -CONT {pid}"], check=True)


def shared_files(name: str) -> list[Path]:
    """Return what the engine of that name has in shared memory, its folder included."""
    folder = folder_of(name)
    return [folder, *folder.iterdir()] if folder.exists() else []
