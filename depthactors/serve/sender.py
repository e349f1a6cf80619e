"""One thread that sends news to all clients whose sockets take them at once."""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import TYPE_CHECKING, Final

from depthactors import reporting

if TYPE_CHECKING:
    from depthactors.serve.session import Session

logger = reporting.logger(__name__)

ALIVE: Final = 1.0
"""Seconds between two messages that say that the server is there."""


class Sender:
    """The thread.

    `request` may be called from any thread, and neither waits nor sends.
    """

    def __init__(self) -> None:
        """Start nothing yet."""
        self._due: deque[Session] = deque()
        self._sessions: set[Session] = set()
        self._wanted = threading.Event()
        self._lock = threading.Lock()
        self._is_over = False
        self._thread = threading.Thread(target=self._run, name="depthactors-serve-send", daemon=True)

    def start(self) -> None:
        """Begin to send."""
        self._thread.start()

    def stop(self) -> None:
        """Send no more; the sessions are the caller's to end."""
        self._is_over = True
        self._wanted.set()
        self._thread.join()

    def add(self, session: Session) -> None:
        """Tell a session once in a while that the server is there."""
        with self._lock:
            self._sessions.add(session)

    def remove(self, session: Session) -> None:
        """Do so no more."""
        with self._lock:
            self._sessions.discard(session)

    def request(self, session: Session) -> None:
        """Send a session its news soon. Thread: any."""
        self._due.append(session)
        if not self._wanted.is_set():
            self._wanted.set()

    def _run(self) -> None:
        next_alive = time.monotonic() + ALIVE
        while not self._is_over:
            self._wanted.wait(max(0.0, next_alive - time.monotonic()))
            self._wanted.clear()
            # The flag was cleared before: what is added from now on sets it again.
            due, is_alive = dict.fromkeys(self._due.popleft() for _ in range(len(self._due))), False
            if time.monotonic() >= next_alive:
                next_alive, is_alive = time.monotonic() + ALIVE, True
                with self._lock:
                    due |= dict.fromkeys(self._sessions)
            for session in due:
                try:
                    session.send_at_once(is_alive=is_alive)
                except Exception:
                    # One client's; the others get theirs.
                    logger.exception("! a client could not be sent its messages")
