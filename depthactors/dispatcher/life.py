"""The life of an actor. A caller can wait for its end as for that of a thread."""

from __future__ import annotations

from typing import TYPE_CHECKING

from depthactors.dispatcher.gate import Gate

if TYPE_CHECKING:
    from collections.abc import Callable


class Life:
    """Begins when the actor is started, and ends when it has given back all that it held. Thread: any."""

    def __init__(self, name: str) -> None:
        """Begin."""
        self.name = name
        self._over = Gate()
        self._when_over: list[Callable[[], None]] = []

    def end(self) -> None:
        """End, and release all that wait for it."""
        self._over.set()
        self._call_waiting()

    def when_over(self, function: Callable[[], None]) -> None:
        """Have a function called after the end, once, in the thread that ends it; in this one if it has ended."""
        self._when_over.append(function)
        if self._over.is_set():
            self._call_waiting()

    def _call_waiting(self) -> None:
        while self._when_over:
            try:
                function = self._when_over.pop()
            except IndexError:
                # Another thread has taken it.
                return
            function()

    def is_alive(self) -> bool:
        """Return whether it has not ended."""
        return not self._over.is_set()

    def join(self, timeout: float | None = None) -> None:
        """Wait for the end, for `timeout` seconds at most."""
        self._over.wait(timeout)
