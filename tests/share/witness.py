"""What one reader of `kill` has said so far. Its words come in a thread, `kill` looks in another."""

from __future__ import annotations

import threading
import time
from typing import Any


class Witness:
    """Keeps it.

    Attributes:
        views: live views that are to be compared.
        errors: exceptions that are not documented.
        changes: when all books were live, and when not any more.
        longest_silence: seconds between two words of a reader that lives.
    """

    def __init__(self, views: Any) -> None:
        """Begin before the first word; `views` is a queue for those that are to be compared."""
        self.views = views
        self.errors: list[str] = []
        self.changes: list[tuple[str, float]] = []
        self.longest_silence = 0.0
        self._heard_at: float | None = None
        self._news = threading.Condition()

    def __call__(self, word: list[Any]) -> None:
        """Take a word."""
        now = time.monotonic()
        with self._news:
            if self._heard_at is not None:
                self.longest_silence = max(self.longest_silence, now - self._heard_at)
            self._heard_at = now
            match word:
                case ["view", symbol, update_id, digest, levels]:
                    self.views.put((symbol, update_id, digest, levels))
                case ["error", words]:
                    self.errors.append(words)
                case [("live" | "down") as kind, when]:
                    self.changes.append((kind, when))
                    self._news.notify_all()

    def wait_live(self, since: float, timeout: float) -> float | None:
        """Return when all books were live again after `since`, or `None` if they are not in that time.

        Of a reader that has not noticed yet that they are down it is not believed.
        """

        def back() -> float | None:
            after = [change for change in self.changes if change[1] > since]
            return after[-1][1] if after and after[-1][0] == "live" else None

        with self._news:
            self._news.wait_for(lambda: back() is not None, timeout)
            return back()

    def wait_down(self, since: float, timeout: float) -> bool:
        """Return whether some book was not live any more after `since`, within that time."""
        with self._news:
            return self._news.wait_for(
                lambda: any(kind == "down" and when > since for kind, when in self.changes), timeout
            )

    def downs(self, since: float) -> int:
        """Return how often books were not live any more since then."""
        with self._news:
            return sum(kind == "down" and when > since for kind, when in self.changes)
