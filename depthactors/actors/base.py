"""The base of all actors of an engine: an actor of a dispatcher with a parent, which is notified of its death.

As in pykka, an exception while an `ask` is handled goes to the caller and the actor lives on; an exception while a
`tell` is handled kills the actor. The loop is `dispatcher.actor`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from depthactors import reporting
from depthactors.dispatcher.actor import DispatchedActor
from depthactors.dispatcher.mailbox import Mailbox, mailbox_of, tell
from depthactors.errors import ActorDiedError, DepthActorsError, LifecycleError

if TYPE_CHECKING:
    from types import TracebackType

    import pykka

    from depthactors.dispatcher.dispatcher import Dispatcher


@dataclass(frozen=True, slots=True)
class ChildFailed:
    """An actor died of an exception.

    Attributes:
        name: the actor's name.
        ref: the dead actor.
        error: the exception.
    """

    name: str
    ref: pykka.ActorRef[Any]
    error: BaseException


class EngineActor(DispatchedActor):
    """An actor with a parent, run by the parent's dispatcher."""

    def __init__(self, name: str, parent: pykka.ActorRef[Any] | None, dispatcher: Dispatcher | None = None) -> None:
        """Prepare; the first turn comes after `start`.

        Args:
            name: the actor's name, unique among its siblings.
            parent: the supervisor, which is notified of the actor's death.
            dispatcher: the dispatcher that runs the actor; `None` for the parent's.
        """
        if dispatcher is None:
            assert parent is not None, "an actor without a parent has a dispatcher of its own"
            dispatcher = mailbox_of(parent).dispatcher
        super().__init__(dispatcher, name)
        self.parent = parent
        # Without a parent: a mailbox without a reader.
        self._parent_mailbox = Mailbox() if parent is None else mailbox_of(parent)

    def __str__(self) -> str:
        return self.name

    # To be overridden. All run in the actor's turns.

    def begin(self) -> None:
        """Prepare for the first message, for example set timers."""

    def handle(self, message: Any) -> Any:
        """Handle a message; the return value is the answer to an `ask`."""
        raise NotImplementedError

    def release(self, error: BaseException | None) -> None:
        """Give back what the actor holds. Called once, when it ends.

        Args:
            error: the exception that killed the actor, `None` if it was stopped.
        """

    # What pykka calls.

    def _start_actor_loop(self) -> None:
        """Begin. The parent's mailbox knows the actor until its end."""
        self._parent_mailbox.children[self.actor_ref] = None
        super()._start_actor_loop()

    def on_start(self) -> None:
        """Begin."""
        self.begin()

    def on_receive(self, message: Any) -> Any:
        """Handle a message, and replace a `BaseException` that is no `Exception`, which must not reach a caller."""
        try:
            return self.handle(message)
        except Exception:
            raise
        except BaseException as error:
            msg = f"{self.name}: {type(error).__name__} while handling {type(message).__name__}"
            raise LifecycleError(msg) from error

    def on_stop(self) -> None:
        """Give back what the actor holds."""
        self.release(None)

    def on_failure(
        self,
        exception_type: type[BaseException] | None,
        exception_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Give back what the actor holds, and notify the parent."""
        del exception_type, traceback
        assert exception_value is not None, "pykka's signature allows it"
        error = self.mailbox.death = with_text(exception_value)
        try:
            self.release(error)
        finally:
            if self.parent is not None:
                tell(self.parent, ChildFailed(self.name, self.actor_ref, error))

    def ended(self) -> None:
        """Leave the parent's children; the parent keeps the threads that are left, to wait for them."""
        self._parent_mailbox.inherit(self.mailbox.helpers)
        self._parent_mailbox.children.pop(self.actor_ref, None)


def with_text(error: BaseException) -> BaseException:
    """Return the error, or another one that can be printed: `str` of a foreign exception may raise."""
    if isinstance(error, DepthActorsError):
        return error
    try:
        str(error)
    except BaseException:  # noqa: BLE001
        return ActorDiedError(f"{reporting.class_name(type(error))}, whose text cannot be printed")
    return error
