"""The reader's end of a stream: from messages to views."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from depthactors.book.delta import apply
from depthactors.errors import MalformedFrameError, StreamError
from depthactors.serve.messages import decode

if TYPE_CHECKING:
    from depthactors.book import BookView


class FollowedStream:
    """One stream as a reader has it.

    Thread: one at a time.

    Attributes:
        view: the latest view; `None` before the first snapshot.
        number: the number of the last message; 0 before the first.
        reason: why the view is not live, if that is known.
    """

    def __init__(self, symbol: str, number: type[Any] = float) -> None:
        """Wait for a snapshot.

        Args:
            symbol: the book's symbol.
            number: the number type of views.
        """
        self.view: BookView[Any] | None = None
        self.number = 0
        self.reason: str | None = None
        self._symbol: Final = symbol
        self._number_type = number

    def take(self, message: dict[str, Any]) -> BookView[Any]:
        """Take a message and return the view after it; O(levels).

        Raises:
            MalformedFrameError: the message is not what the protocol says.
            StreamError: a message before it is missing. The view stays; only a snapshot goes on from here.
        """
        number, after, delta, reason = decode(self._symbol, message, self._number_type)
        if after is not None and (self.view is None or after != self.number):
            msg = f"{self._symbol}: expected a message that follows number {self.number}, was one that follows {after}"
            raise StreamError(msg)
        if after is not None and self.view is not None and delta.previous_update_id != self.view.last_update_id:
            msg = (
                f"{self._symbol}: expected a delta that follows update {self.view.last_update_id}, "
                f"was one that follows {delta.previous_update_id}"
            )
            raise MalformedFrameError(msg)
        view = self.view = apply(self.view, delta)
        self.number, self.reason = number, reason
        return view
