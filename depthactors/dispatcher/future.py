"""The answer to an `ask`, for whoever waits for it."""

from __future__ import annotations

from typing import Any, TypeVar

import pykka

from depthactors.dispatcher.current import about_to_wait

T = TypeVar("T")


class DispatchedFuture(pykka.ThreadingFuture[T]):
    """A future of pykka, for which a thread of a dispatcher may wait, too."""

    def get(self, *, timeout: float | None = None) -> Any:
        """Wait for the answer; if this thread runs a queue, another one goes on with it, which brings the answer.

        Raises:
            Timeout: no answer within `timeout` seconds.
            LifecycleError: no thread is left to go on with the queue.
        """
        about_to_wait()
        return super().get(timeout=timeout)
