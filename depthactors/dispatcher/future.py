"""The answer to an `ask`, for a caller that waits for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import pykka

from depthactors.dispatcher.current import about_to_wait

if TYPE_CHECKING:
    from types import TracebackType

T = TypeVar("T")


class DispatchedFuture(pykka.ThreadingFuture[T]):
    """A future of pykka for which threads of a dispatcher may wait too."""

    def __init__(self) -> None:
        """Begin without an answer."""
        super().__init__()
        self._is_answered = False

    def get(self, *, timeout: float | None = None) -> Any:
        """Wait for the answer; if this thread runs a queue, another thread goes on with the queue meanwhile.

        Raises:
            Timeout: no answer within `timeout` seconds.
            LifecycleError: no other thread can go on with the queue.
        """
        return super().get(timeout=about_to_wait(self._is_over, timeout))

    def set(self, value: Any | None = None) -> None:
        """Answer with a value."""
        super().set(value)
        self._is_answered = True

    def set_exception(
        self,
        exc_info: tuple[type[BaseException] | None, BaseException | None, TracebackType | None] | None = None,
    ) -> None:
        """Answer with an exception; without `exc_info`, with the exception that is being handled."""
        super().set_exception(exc_info)
        self._is_answered = True

    def _is_over(self) -> bool:
        return self._is_answered
