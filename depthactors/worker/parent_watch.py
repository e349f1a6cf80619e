"""The watch over the engine's process, without which a worker process has nothing to do."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

from depthactors import reporting
from depthactors.dispatcher.threads import thread_name

if TYPE_CHECKING:
    from collections.abc import Callable

logger = reporting.logger(__name__)


class ParentWatch:
    """Ends the worker when the engine's process is gone, or the supervisor here.

    The end of the channel shows the end of the engine's process, unless a fork of it holds the channel open.
    """

    def __init__(self, look: float, is_alive: Callable[[], bool], end: Callable[[], None]) -> None:
        """Start nothing yet. Thread: the worker's main one, whose parent is the engine's process.

        Args:
            look: seconds from one check to the next.
            is_alive: a function that returns whether the supervisor of this process lives.
            end: a function that ends the worker, called in a thread of its own.
        """
        self._parent = os.getppid()
        self._look = look
        self._is_alive = is_alive
        self._end = end
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name=thread_name("parent-watch"), daemon=True)

    @property
    def is_orphan(self) -> bool:
        """Whether the engine's process is gone."""
        return os.getppid() != self._parent

    def start(self) -> None:
        """Begin to check."""
        self._thread.start()

    def stop(self) -> None:
        """End the checks; returns at once."""
        self._over.set()

    def _run(self) -> None:
        while not self._over.wait(self._look):
            if self.is_orphan or not self._is_alive():
                logger.debug("= the worker ends: the engine's process is gone, or the supervisor here")
                self._end()
                return
