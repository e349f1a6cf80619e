"""Addresses of names, looked up by a deadline.

The system's resolver cannot be interrupted, and may take minutes if its servers do not answer. So it is called in a
thread of its own, one for each name, and the threads that wait for it stop waiting in time: a name that cannot be
looked up blocks neither the reader of a stream nor a worker for snapshots.
"""

from __future__ import annotations

import os
import socket
import threading
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from depthactors.dispatcher.threads import THREAD_PREFIX, start_thread
from depthactors.errors import LifecycleError

if TYPE_CHECKING:
    from depthactors.net.deadline import Deadline

Found: TypeAlias = "list[tuple[Any, ...]]"

_SECOND_WAIT: Final = 0.1
"""Seconds to wait for a look-up for which another thread has waited in vain."""


class _LookUp:
    """A call of the resolver that runs, or has returned."""

    def __init__(self, host: str, port: int) -> None:
        self._asked = host, port
        self._done = threading.Event()
        self._found: Found = []
        self._failure: str | None = None
        self._hangs = False
        name = f"{THREAD_PREFIX}look-up-{host:.40}"
        start_thread(threading.Thread(target=self._run, name=name, daemon=True), "look-up")

    def wait(self, seconds: float) -> Found | None:
        """Return the addresses, `None` if the look-up takes longer."""
        if not self._done.wait(min(seconds, _SECOND_WAIT) if self._hangs else seconds):
            # Not after a short look: the resolver may take that long without being stuck.
            self._hangs |= seconds > _SECOND_WAIT
            return None
        if self._failure is not None:
            raise OSError(self._failure)
        return self._found

    def _run(self) -> None:
        host, port = self._asked
        try:
            self._found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except UnicodeError:
            self._failure = f"expected the name of a host, was {host!r:.100}"
        except Exception as error:  # noqa: BLE001 - whatever a resolver raises, another thread waits for it
            self._failure = f"the name {host} could not be looked up: {getattr(error, 'strerror', None) or error}"
        finally:
            with _lock:
                _under_way.pop(self._asked, None)
            self._done.set()


_under_way: dict[tuple[str, int], _LookUp] = {}
_lock = threading.Lock()


def look_up(host: str, port: int, deadline: Deadline) -> Found:
    """Return the addresses of a host as `socket.getaddrinfo` does.

    Raises:
        OSError: there is no address, or the name is not valid; a `TimeoutError` if the time is over.
    """
    try:
        return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    except (socket.gaierror, UnicodeError):
        # It is a name, for which a resolver is needed.
        pass
    with _lock:
        asked = _under_way.get((host, port))
        if asked is None:
            try:
                asked = _under_way[host, port] = _LookUp(host, port)
            except LifecycleError as error:
                msg = f"the name {host} could not be looked up: {error}"
                raise OSError(msg) from error
    found = asked.wait(deadline.left())
    if found is None:
        msg = f"the name {host} could not be looked up in time"
        raise TimeoutError(msg)
    return found


def _begin_anew() -> None:
    """Forget, in a fork, the look-ups whose threads do not exist there."""
    global _lock  # noqa: PLW0603 - a fork replaces the lock, which its parent may hold
    _lock = threading.Lock()
    _under_way.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_anew)
