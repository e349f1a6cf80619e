"""What belongs to one process is not pickled, and says what another process can have."""

from __future__ import annotations

from typing import NoReturn


def refuse_pickle(what: str, instead: str) -> NoReturn:
    """Refuse to pickle what has threads and connections, as for a process that is spawned.

    Raises:
        TypeError: always; it says what another process can have instead.
    """
    msg = f"cannot pickle a {what}: its threads and connections stay in this process; {instead}"
    raise TypeError(msg)
