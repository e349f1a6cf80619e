"""The refusal to pickle an object that belongs to one process; the error says what another process can have."""

from __future__ import annotations

from typing import NoReturn


def refuse_pickle(what: str, instead: str) -> NoReturn:
    """Refuse to pickle an object with threads and connections, as a spawned process would need it.

    Args:
        what: the name of its class.
        instead: advice for the program.

    Raises:
        TypeError: always; it says what another process can have instead.
    """
    msg = f"cannot pickle a {what}: its threads and connections stay in this process; {instead}"
    raise TypeError(msg)
