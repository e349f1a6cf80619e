"""The messages that a worker process has not sent yet, in a bounded space. No thread and no clock.

- updates: each book is named once, however often it changed;
- signs of life: the latest;
- events of a book: the latest `CHANGES` of each book, so the present state is always among them;
- answers and refusals: all, since few are requested at a time;
- the rest, mostly log records: those beyond `ROOM` are counted, and left out.
"""

from __future__ import annotations

from collections import deque
from contextlib import suppress
from typing import Any, Final

from depthactors.shards.messages import Alive, Answer, BookChanged, BookRefused, BooksUpdated, LeftOut

ROOM: Final = 2_000
"""Messages that may wait before others are left out."""
CHANGES: Final = 16
"""Events of one book that may wait before the oldest of them is left out."""
_KEPT: Final = (Answer, BookRefused)
"""Messages that are never left out: the other process waits for them."""


class Unsent:
    """The messages that wait, in the order in which they are to be sent.

    Thread: one at a time.

    Attributes:
        left_out: number of messages that were not kept since too many waited.
        updated: the books of which an update is to be reported.
    """

    def __init__(self) -> None:
        """Begin empty."""
        self.left_out = 0
        self.updated: set[int] = set()
        self._waiting: deque[Any] = deque()
        self._alive: Alive | None = None
        self._changes: dict[int, list[BookChanged]] = {}
        self._left_out_sent = 0

    def put(self, message: Any) -> bool:
        """Keep a message until it is sent; returns whether there is more to send than before."""
        match message:
            case Alive():
                is_news, self._alive = self._alive is None, message
                return is_news
            case BookChanged(book_id):
                changes = self._changes.setdefault(book_id, [])
                changes.append(message)
                if len(changes) == 1:
                    # The list takes the place of its events among the other messages.
                    self._waiting.append(changes)
                    return True
                if len(changes) > CHANGES:
                    del changes[0]
                    self.left_out += 1
                return False
        if len(self._waiting) >= ROOM and not isinstance(message, _KEPT):
            self.left_out += 1
            return False
        self._waiting.append(message)
        return True

    def withdraw(self, message: Any) -> None:
        """Forget a message that still waits."""
        with suppress(ValueError):
            self._waiting.remove(message)

    def take(self, *, updates: bool) -> Any:
        """Take the message to send next, `None` if none waits; one about updates, the last, only if `updates`."""
        if self._alive is not None:
            alive, self._alive = self._alive, None
            return alive
        if self._waiting:
            return self._first()
        if self.left_out > self._left_out_sent:
            self._left_out_sent = self.left_out
            return LeftOut(self.left_out)
        if updates and self.updated:
            # A book that changes from here on is named in the next message.
            updated, self.updated = self.updated, set()
            return BooksUpdated(tuple(updated))
        return None

    def _first(self) -> Any:
        message = self._waiting[0]
        if not isinstance(message, list):
            return self._waiting.popleft()
        changed = message.pop(0)
        if not message:
            self._waiting.popleft()
            del self._changes[changed.book_id]
        return changed
