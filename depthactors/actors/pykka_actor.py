"""Pykka's actor without pykka's log calls: they run the host program's log handlers in the actor's own thread.

A handler that raises there ends the actor without a word, one that blocks holds it up. So what pykka logs is done
here anew, with `reporting`; and a `BaseException` is one actor's death, where pykka would stop every actor of the
process. The methods of pykka that are overridden here and in `actors.base` are listed in `private_names`.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import pykka

from depthactors import reporting
from depthactors.private_names import add_actor, remove_actor

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

logger = reporting.logger(__name__)


class QuietActor(pykka.ThreadingActor):
    """A `ThreadingActor` whose life runs no foreign code but its own handlers."""

    @classmethod
    def start(cls, *args: Any, **kwargs: Any) -> pykka.ActorRef[Self]:
        """Make an actor, register it, and start its loop."""
        actor = cls(*args, **kwargs)
        ref = actor.actor_ref
        add_actor(ref)
        actor._start_actor_loop()
        return ref

    def unregister(self) -> None:
        """Take no more messages; harmless when that is so already."""
        remove_actor(self.actor_ref)
        self.actor_stopped.set()

    def _stop(self) -> None:
        self.unregister()
        try:
            self.on_stop()
        except BaseException:  # noqa: BLE001 - whatever it is, it ends this actor alone
            self._handle_failure(*sys.exc_info())

    def _actor_loop_setup(self) -> None:
        try:
            self.on_start()
        except BaseException:  # noqa: BLE001
            self._handle_failure(*sys.exc_info())

    def _actor_loop_running(self) -> None:
        while not self.actor_stopped.is_set():
            envelope = self.actor_inbox.get()
            try:
                response = self._handle_receive(envelope.message)
                if envelope.reply_to is not None:
                    envelope.reply_to.set(response)
            except BaseException as error:  # noqa: BLE001
                if envelope.reply_to is not None:
                    logger.debug("! %s returned to its caller: %s", self, error)
                    envelope.reply_to.set_exception()
                else:
                    self._handle_failure(*sys.exc_info())
                    try:
                        self.on_failure(*sys.exc_info())
                    except BaseException:  # noqa: BLE001
                        self._handle_failure(*sys.exc_info())
            # Not until the next message comes: it may hold on to a book.
            del envelope

    def _handle_failure(
        self,
        exception_type: type[BaseException] | None,
        exception_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        del exception_type, traceback
        logger.error("! %s failed", self, exc_info=exception_value)
        self.unregister()
