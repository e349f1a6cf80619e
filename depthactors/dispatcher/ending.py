"""The end of an actor or a thread, for a caller that waits for it."""

from __future__ import annotations

from typing import Protocol


class Ending(Protocol):
    """An actor's life, or a thread."""

    @property
    def name(self) -> str:
        """The name, for the log."""

    def is_alive(self) -> bool:
        """Return whether it has not ended."""

    def join(self, timeout: float | None = None) -> None:
        """Wait for the end, for `timeout` seconds at most."""
