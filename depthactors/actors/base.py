"""The base of all actors of an engine.

Differences from pykka's actor:

- An actor has a `Mailbox` with timers, and a parent that is notified of its death.
- A failure in `begin` is a death like any other. Pykka runs no hook when `on_start` raises.
- A `BaseException` ends only the actor that raised it. Pykka would stop all actors of the process, those of the host
  program included.
- The loop does not use the logger of pykka: it runs the host program's log handlers in the actor's thread, where a
  handler that raises would end the actor, and a handler that blocks would hold it up.

As in pykka, an exception while an `ask` is handled goes to the caller and the actor lives on; an exception while a
`tell` is handled kills the actor.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import pykka

from depthactors import reporting
from depthactors.actors.mailbox import Mailbox, mailbox_of, tell
from depthactors.actors.threads import ActorThread, start_thread, thread_name
from depthactors.errors import ActorDiedError, DepthActorsError, LifecycleError
from depthactors.private_names import ActorStop, Envelope, add_actor, remove_actor

logger = reporting.logger(__name__)


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


class EngineActor(pykka.ThreadingActor):
    """An actor with a mailbox, timers and a parent.

    Its thread is a daemon: a program that ends without stopping its engine must be able to end.
    """

    use_daemon_thread = True

    def __init__(self, name: str, parent: pykka.ActorRef[Any] | None) -> None:
        """Prepare; the thread is started by `start`.

        Args:
            name: the actor's name, unique among its siblings.
            parent: the supervisor, which is notified of the actor's death.
        """
        super().__init__()
        self.name = name
        self.parent = parent
        self.mailbox = cast("Mailbox", self.actor_inbox)
        # Without a parent: a mailbox without a reader.
        self._parent_mailbox = Mailbox() if parent is None else mailbox_of(parent)

    def __str__(self) -> str:
        return self.name

    # To be overridden. All run in the actor's thread, `refuse` aside.

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

    def refuse(self, message: Any, error: pykka.ActorDeadError) -> None:
        """Notify the sender of a message that the dead actor will not handle. Any thread.

        The base class answers an `ask`; this is for messages whose effect is awaited in another way.
        """

    # The loop.

    @classmethod
    def start(cls, *args: Any, **kwargs: Any) -> pykka.ActorRef[Any]:
        """Make an actor and start its thread; arguments as for the class.

        Raises:
            LifecycleError: the system cannot start another thread. The actor is dead, and no method of it was called.
        """
        actor = cls(*args, **kwargs)
        add_actor(actor.actor_ref)
        actor._start_actor_loop()
        return actor.actor_ref

    def unregister(self) -> None:
        """Accept no more messages. May be called twice."""
        remove_actor(self.actor_ref)
        self.actor_stopped.set()

    def on_receive(self, message: Any) -> Any:
        """Handle a message, and replace a `BaseException` that is no `Exception`, which must not reach a caller."""
        try:
            return self.handle(message)
        except Exception:
            raise
        except BaseException as error:
            msg = f"{self.name}: {type(error).__name__} while handling {type(message).__name__}"
            raise LifecycleError(msg) from error

    @staticmethod
    def _create_actor_inbox() -> Mailbox:
        return Mailbox()

    def _start_actor_loop(self) -> None:
        """Start the thread, and keep it in the mailbox so that its end can be waited for."""
        thread = ActorThread(target=self._actor_loop, name=thread_name(self.name), daemon=self.use_daemon_thread)
        self.mailbox.thread = thread
        self._parent_mailbox.children.add(self.actor_ref)
        try:
            start_thread(thread, self.name)
        except LifecycleError:
            # A thread that was never started cannot be waited for.
            self.mailbox.thread = None
            self._parent_mailbox.children.discard(self.actor_ref)
            self.unregister()
            self.mailbox.close(self._refuse)
            raise

    def _actor_loop(self) -> None:
        """Run the actor. The parent's mailbox knows the actor until its thread ends."""
        try:
            self._handle_all()
        finally:
            self._parent_mailbox.inherit(self.mailbox.helpers)
            self._parent_mailbox.children.discard(self.actor_ref)

    def _handle_all(self) -> None:
        """Handle messages until the actor is stopped or dies."""
        try:
            self.begin()
            while not self.actor_stopped.is_set():
                # No name here keeps the message alive until the next one arrives: it may hold a whole book.
                self._handle(self.mailbox.get())
        except BaseException as error:  # noqa: BLE001 - any exception is the death of this actor alone
            self._die(error)
        finally:
            # Messages can still arrive. Pykka would never answer an `ask` that arrives after its last look.
            self.mailbox.close(self._refuse)

    def _handle(self, envelope: Envelope[Any]) -> None:
        reply_to = envelope.reply_to
        if reply_to is None:
            self._handle_receive(envelope.message)
            return
        try:
            reply_to.set(self._handle_receive(envelope.message))
        except BaseException as error:  # noqa: BLE001 - it is the caller's
            logger.debug("! %s returned to its caller: %s", self, error)
            reply_to.set_exception()

    def _stop(self) -> None:
        """Stop; pykka calls it when the actor's turn to stop has come."""
        self.unregister()
        self._release(None)

    def _die(self, error: BaseException) -> None:
        """Release what the actor holds, and notify the parent."""
        logger.error("! %s failed", self, exc_info=error)
        self.unregister()
        error = _with_text(error)
        self.mailbox.death = error
        self._release(error)
        if self.parent is not None:
            tell(self.parent, ChildFailed(self.name, self.actor_ref, error))

    def _release(self, error: BaseException | None) -> None:
        try:
            self.release(error)
        except BaseException:
            logger.exception("! %s could not give back all that it held", self.name)

    def _refuse(self, envelope: Envelope[Any]) -> None:
        """Answer a message that will not be handled. Any thread."""
        error = pykka.ActorDeadError(f"{self.name} ended before it handled {type(envelope.message).__name__}")
        self.refuse(envelope.message, error)
        if envelope.reply_to is None:
            return
        if isinstance(envelope.message, ActorStop):
            envelope.reply_to.set(None)
        else:
            envelope.reply_to.set_exception((type(error), error, None))


def _with_text(error: BaseException) -> BaseException:
    """Return the error, or another one that can be printed: `str` of a foreign exception may raise."""
    if isinstance(error, DepthActorsError):
        return error
    try:
        str(error)
    except BaseException:  # noqa: BLE001
        return ActorDiedError(f"{reporting.class_name(type(error))}, whose text cannot be printed")
    return error
