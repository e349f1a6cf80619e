"""The answer to an `ask`, for a caller that waits for it."""

from __future__ import annotations

import queue
import sys
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import pykka

from depthactors.dispatcher.gate import Gate

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

T = TypeVar("T")


class _Answer(NamedTuple):
    value: Any = None
    error: BaseException | None = None
    traceback: TracebackType | None = None


class DispatchedFuture(pykka.Future[T]):
    """A future for which threads of a dispatcher may wait too.

    Unlike `pykka.ThreadingFuture` it has no lock: the exception of a signal handler, such as Ctrl-C, could leave a
    lock held in the thread that waits, and the actor that answers would wait for it for ever.
    """

    def __init__(self) -> None:
        """Begin without an answer."""
        super().__init__()
        # At most one: `dict.setdefault` is safe between threads.
        self._answers: dict[None, _Answer] = {}
        self._answered = Gate()

    def is_answered(self) -> bool:
        """Return whether there is an answer. Thread: any."""
        return self._answered.is_set()

    def get(self, *, timeout: float | None = None) -> Any:
        """Wait for the answer; if this thread runs a queue, another thread goes on with the queue meanwhile.

        Raises:
            Timeout: no answer within `timeout` seconds.
            LifecycleError: no other thread can go on with the queue.
        """
        if self._get_hook is not None:
            return super().get(timeout=timeout)
        if not self._answered.wait(timeout):
            msg = f"{timeout} seconds"
            raise pykka.Timeout(msg)
        answer = self._answers[None]
        if answer.error is not None:
            raise answer.error.with_traceback(answer.traceback)
        return answer.value

    def set(self, value: Any | None = None) -> None:
        """Answer with a value.

        Raises:
            queue.Full: it is answered already.
        """
        self._put(_Answer(value))

    def set_exception(
        self,
        exc_info: tuple[type[BaseException] | None, BaseException | None, TracebackType | None] | None = None,
    ) -> None:
        """Answer with an exception; without `exc_info`, with the exception that is being handled.

        Raises:
            queue.Full: it is answered already.
        """
        kind, error, traceback = exc_info or sys.exc_info()
        assert kind is not None, "an exception has a class"
        self._put(_Answer(error=kind() if error is None else error, traceback=traceback))

    def set_get_hook(self, func: Callable[[float | None], T]) -> None:
        """Have a function give the answer once it is wanted, with the timeout as its argument.

        Raises:
            queue.Full: it is answered already.
        """
        if self._answers:
            raise queue.Full
        super().set_get_hook(func)

    def _put(self, answer: _Answer) -> None:
        if self._get_hook is not None or self._answers.setdefault(None, answer) is not answer:
            raise queue.Full
        self._answered.set()
