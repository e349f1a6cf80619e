"""What looks after the supervisor: a thread that waits for its end, and finishes what it left undone.

The supervisor looks after all other actors, and does nothing that can fail. Should it end all the same, by a bug, by
want of memory, or because the host program stopped every actor of pykka, its books would go on without anybody to
replace what dies, and each call would wait for an answer until its time is over.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Protocol, cast

from depthactors import reporting
from depthactors.actors.mailbox import mailbox_of
from depthactors.actors.threads import start_thread, thread_name
from depthactors.errors import SupervisorDiedError

if TYPE_CHECKING:
    from collections.abc import Callable

    import pykka

    from depthactors.errors import EscalatedError

logger = reporting.logger(__name__)


class Root(Protocol):
    """What a supervisor leaves to be done by somebody else after its death."""

    def give_up(self, error: EscalatedError) -> None:
        """Fail every book, and notify `on_error`; again if need be, after the supervisor's thread has ended."""


class Watch:
    """Waits for the end of a supervisor's thread, in a daemon thread that ends with it.

    Attributes:
        thread: the waiting one.
    """

    def __init__(
        self, supervisor: pykka.ActorRef[Any], is_wanted: Callable[[], bool], died: Callable[[EscalatedError], None]
    ) -> None:
        """Start to wait.

        Args:
            supervisor: a started one.
            is_wanted: whether the engine is still to run; called when the supervisor has ended.
            died: called if it is, once the books have failed and the children are ending.

        Raises:
            LifecycleError: the system has no thread to give.
        """
        self._supervisor = supervisor
        self._is_wanted = is_wanted
        self._died = died
        self.thread = threading.Thread(target=self._run, name=thread_name("watch"), daemon=True)
        start_thread(self.thread, "watch")

    def _run(self) -> None:
        mailbox = mailbox_of(self._supervisor)
        root = cast("Root", mailbox.root)
        assert mailbox.thread is not None, "it was started"
        mailbox.thread.join()
        if not self._is_wanted():
            return
        # The thread is over, perhaps without having said so: nobody is to wait for an answer.
        self._supervisor.actor_stopped.set()
        death = mailbox.death
        why = "its thread ended without a word" if death is None else f"{type(death).__name__}: {death}"
        error = SupervisorDiedError(f"the supervisor died: {why}")
        try:
            root.give_up(error)
        except Exception:
            logger.exception("! the books could not all be failed after the supervisor's death")
        stop_children(self._supervisor)
        self._died(error)


def stop_children(supervisor: pykka.ActorRef[Any]) -> None:
    """Stop every child that has a thread, known to the supervisor or not; returns at once. Any thread."""
    for ref in tuple(mailbox_of(supervisor).children):
        ref.stop(block=False)
