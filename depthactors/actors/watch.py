"""The watch over the supervisor: after its death it fails the books and stops the children.

The supervisor does nothing that should fail. It may die nevertheless: by a bug, for lack of memory, or because the host
program stopped every actor of pykka. Without the watch, the books would go on with no supervisor to replace what dies,
and each call to the engine would wait for an answer until its timeout.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from depthactors import reporting
from depthactors.dispatcher.mailbox import mailbox_of
from depthactors.errors import SupervisorDiedError

if TYPE_CHECKING:
    from collections.abc import Callable

    import pykka

    from depthactors.actors.supervision import BaseSupervisor
    from depthactors.errors import EscalatedError

logger = reporting.logger(__name__)


class Watch:
    """Does, after the end of a supervisor, what the supervisor cannot do any more."""

    def __init__(
        self, supervisor: pykka.ActorRef[Any], is_wanted: Callable[[], bool], died: Callable[[EscalatedError], None]
    ) -> None:
        """Have `_ended` called after the supervisor's end.

        Args:
            supervisor: a supervisor that has started.
            is_wanted: a function that returns whether the engine should still run; called after the supervisor's end.
            died: a function that is called if so, when the books have failed and the children are stopping.
        """
        self._supervisor = supervisor
        self._is_wanted = is_wanted
        self._died = died
        life = mailbox_of(supervisor).life
        assert life is not None, "it was started"
        life.when_over(self._ended)

    def _ended(self) -> None:
        """Fail the books, and stop the children, if the engine should still run. Thread: that of the last turn."""
        if not self._is_wanted():
            return
        mailbox = mailbox_of(self._supervisor)
        root = cast("BaseSupervisor[Any, Any]", mailbox.root)
        death = mailbox.death
        why = "it was stopped by another part of the program" if death is None else f"{type(death).__name__}: {death}"
        error = SupervisorDiedError(f"the supervisor died: {why}")
        try:
            root.give_up(error)
        except Exception:
            logger.exception("! the books could not all be failed after the supervisor's death")
        stop_children(self._supervisor)
        self._died(error)


def stop_children(supervisor: pykka.ActorRef[Any]) -> None:
    """Stop every child that lives, also one that the supervisor does not know. Thread: any; returns at once."""
    for ref in tuple(mailbox_of(supervisor).children):
        ref.stop(block=False)
