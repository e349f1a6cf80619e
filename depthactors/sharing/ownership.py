"""The users whose files a reader trusts: its own user, root, and a user that it names.

Any user may make a folder of any name in shared memory, and write wrong prices into it. And a user who may write to a
file may shorten it, which kills each process that has it mapped, at its next access (SIGBUS). So the folder, and each
file in it, must belong to a trusted user, and be writable for no other user; a trusted user is expected not to shorten
its own files. The checks are made on the file that was opened, not on its name, which may soon mean another file.
"""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING, Any, Final

from depthactors.errors import SharingError, UsageError

if TYPE_CHECKING:
    from pathlib import Path

_OTHERS: Final = stat.S_IWGRP | stat.S_IWOTH


def believed_users(owner: Any) -> frozenset[int]:
    """Return the numbers of the users whose files are trusted.

    Args:
        owner: number or name of a further user; `None` for none.

    Raises:
        UsageError: there is no user of that name or number.
    """
    users = {os.geteuid(), 0}
    if isinstance(owner, str):
        # Not on every system, but on each where books can be shared.
        import pwd  # noqa: PLC0415

        try:
            users.add(pwd.getpwnam(owner).pw_uid)
        except KeyError:
            msg = f"expected the name or number of a user as owner, was {owner!r}, which this system does not know"
            raise UsageError(msg) from None
    elif owner is not None:
        if type(owner) is not int or owner < 0:
            msg = f"expected the name or number of a user as owner, was {owner!r}"
            raise UsageError(msg)
        users.add(owner)
    return frozenset(users)


def open_folder(path: Path, users: frozenset[int]) -> int:
    """Open the folder of an engine; returns its descriptor.

    Raises:
        SharingError: it is not a folder, or another user owns it or may write to it.
        OSError: it cannot be opened, for instance because it is not there.
    """
    try:
        descriptor = os.open(path, _flags() | os.O_DIRECTORY)
    except NotADirectoryError as error:
        msg = f"expected the folder of a shared engine at {path}, was a file or a link"
        raise SharingError(msg) from error
    return _believed(descriptor, str(path), users, stat.S_ISDIR, "a folder")


def open_file(folder: int, name: str, path: Path) -> int:
    """Open a file in a folder that was opened here, for reading; returns its descriptor.

    Raises:
        SharingError: it is not a plain file, or another user than the folder's owner owns it or may write to it.
        OSError: it cannot be opened, for instance because it is not there.
    """
    # A pipe would wait for a writer.
    descriptor = os.open(name, _flags() | os.O_NONBLOCK, dir_fd=folder)
    return _believed(descriptor, str(path / name), frozenset({os.fstat(folder).st_uid}), stat.S_ISREG, "a plain file")


def _flags() -> int:
    return os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW


def _believed(descriptor: int, path: str, users: frozenset[int], is_kind: Any, kind: str) -> int:
    status = os.fstat(descriptor)
    if is_kind(status.st_mode) and status.st_uid in users and not status.st_mode & _OTHERS:
        return descriptor
    os.close(descriptor)
    named = " or ".join(str(user) for user in sorted(users))
    msg = (
        f"expected {kind} of user {named}, not writable for others, at {path}, was one of user {status.st_uid} "
        f"with mode {stat.filemode(status.st_mode)} (DepthReader(name, owner=...) trusts another user)"
    )
    raise SharingError(msg)
