"""What every actor here has: a mailbox of our kind, timers, and a death that is told.

Pykka's rules that this is built on: an exception in `on_start` runs no hook; one while handling a
`tell` runs `on_failure` and kills the actor; one while handling an `ask` goes to the caller and does
not; a `BaseException` would stop every actor of the process, the host program's own included. So what
an actor does at its start goes into `begin`, whose failure is a death like any other, and whatever is
raised leaves here as an `Exception` or not at all.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, Any, Final, cast

import pykka

from depthactors import reporting
from depthactors.actors.mailbox import Mailbox, mailbox_of, tell
from depthactors.actors.pykka_actor import QuietActor
from depthactors.errors import ActorDiedError, DepthActorsError, LifecycleError
from depthactors.private_names import ActorStop

if TYPE_CHECKING:
    from types import TracebackType

    from depthactors.private_names import Envelope


logger = reporting.logger(__name__)

THREAD_PREFIX: Final = "depthactors-"
"""How the names of all threads of an engine begin."""

_threads = count(1)


@dataclass(frozen=True, slots=True)
class ChildFailed:
    """A handler of the child called `name` raised; its actor is gone."""

    name: str
    ref: pykka.ActorRef[Any]
    error: BaseException


def thread_name(name: str) -> str:
    """Return the name of a new thread of an engine, unlike any other of the process."""
    return f"{THREAD_PREFIX}{name}-{next(_threads)}"


def start_thread(thread: threading.Thread, owner: str) -> None:
    """Start a thread of an engine. Any thread.

    Args:
        thread: a new one.
        owner: whose it is, for the error.

    Raises:
        LifecycleError: the system has no thread to give.
    """
    try:
        thread.start()
    except (RuntimeError, MemoryError) as error:
        msg = f"{owner}: its thread could not be started: {error}"
        raise LifecycleError(msg) from error


class ActorThread(threading.Thread):
    """The thread of one actor: a callback that finds itself in one must not wait, for the actor would."""


class EngineActor(QuietActor):
    """Base of the actors.

    Daemon threads: a program that ends without stopping its engine must still end.
    """

    use_daemon_thread = True

    def __init__(self, name: str, parent: pykka.ActorRef[Any] | None) -> None:
        """Take a name, unique among the siblings, and the supervisor to tell of one's death."""
        super().__init__()
        self.name = name
        self.parent = parent
        self.mailbox = cast("Mailbox", self.actor_inbox)
        # Of one without a parent nobody looks at it.
        self._family = Mailbox() if parent is None else mailbox_of(parent)

    def __str__(self) -> str:
        return self.name

    @staticmethod
    def _create_actor_inbox() -> Mailbox:
        return Mailbox()

    def _start_actor_loop(self) -> None:
        """Start the thread and keep it, so that whoever stops the actor can wait for its end.

        Raises:
            LifecycleError: the system has no thread to give; the actor is dead, without any hook run.
        """
        thread = ActorThread(target=self._actor_loop, name=thread_name(self.name), daemon=self.use_daemon_thread)
        self.mailbox.thread = thread
        self._family.children.add(self.actor_ref)
        try:
            start_thread(thread, self.name)
        except LifecycleError:
            # Pykka has registered it by now; and nobody can wait for a thread that was never started.
            self.mailbox.thread = None
            self._family.children.discard(self.actor_ref)
            self.unregister()
            self._actor_loop_teardown()
            raise

    def _actor_loop(self) -> None:
        """Run from the first message to the last; whoever looks after the engine knows of the thread till its end."""
        try:
            super()._actor_loop()
        except BaseException as error:  # noqa: BLE001 - whatever it is, it is this actor's death
            # Between two messages: want of memory, or what a profiler of the host program raises.
            try:
                self._handle_failure(type(error), error, None)
                self.on_failure(type(error), error, None)
            finally:
                self._actor_loop_teardown()
        finally:
            self._family.inherit(self.mailbox.helpers)
            self._family.children.discard(self.actor_ref)

    def _actor_loop_teardown(self) -> None:
        """Refuse what is left, and what is put later: pykka's own would never answer a question put after its look."""
        self.mailbox.close(self._refuse)

    def _refuse(self, envelope: Envelope[Any]) -> None:
        """Answer a message that will not be handled; in whatever thread."""
        error = pykka.ActorDeadError(f"{self.name} ended before it handled {type(envelope.message).__name__}")
        self.refuse(envelope.message, error)
        if envelope.reply_to is None:
            return
        if isinstance(envelope.message, ActorStop):
            envelope.reply_to.set(None)
        else:
            envelope.reply_to.set_exception((type(error), error, None))

    def refuse(self, message: Any, error: pykka.ActorDeadError) -> None:
        """Let somebody know who waits for a message's effect otherwise than by asking; in whatever thread."""

    def on_start(self) -> None:
        """Begin, in the actor's thread; a failure is told as pykka would not tell it."""
        try:
            self.begin()
        except BaseException as error:
            self.on_failure(type(error), error, None)
            msg = f"{self.name}: {type(error).__name__} at the start"
            raise LifecycleError(msg) from error

    def on_receive(self, message: Any) -> Any:
        """Handle one message in the actor's thread; what is no `Exception` is made one."""
        try:
            return self.handle(message)
        except Exception:
            raise
        except BaseException as error:
            msg = f"{self.name}: {type(error).__name__} while handling {type(message).__name__}"
            raise LifecycleError(msg) from error

    def begin(self) -> None:
        """Set timers and the like, before the first message; runs in the actor's thread."""

    def handle(self, message: Any) -> Any:
        """Do what the message asks; runs in the actor's thread."""
        raise NotImplementedError

    def release(self, error: BaseException | None) -> None:
        """Give back what the actor holds; runs in its thread, however it ends. `error` is what killed it."""

    def on_stop(self) -> None:
        """Release, in the actor's thread."""
        self._release(None)

    def on_failure(
        self,
        exception_type: type[BaseException] | None,
        exception_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Release and tell the supervisor, in the dying actor's thread."""
        del exception_type, traceback
        error = None if exception_value is None else _sayable(exception_value)
        self.mailbox.death = error
        self._release(error)
        if self.parent is not None and error is not None:
            tell(self.parent, ChildFailed(self.name, self.actor_ref, error))

    def _release(self, error: BaseException | None) -> None:
        try:
            self.release(error)
        except BaseException:
            logger.exception("! %s could not give back all that it held", self.name)


def _sayable(error: BaseException) -> BaseException:
    """Return an error whose text the supervisor can have: a foreign one may raise when it is asked for it."""
    if isinstance(error, DepthActorsError):
        return error
    try:
        str(error)
    except BaseException:  # noqa: BLE001 - it is the very thing that is looked for
        return ActorDiedError(f"{reporting.class_name(type(error))}, whose text cannot be had")
    return error


def is_ours(thread: threading.Thread) -> bool:
    """Return whether a thread is one of an engine, so whether it is a callback that runs in it. Any thread."""
    return thread.name.startswith(THREAD_PREFIX)


def is_running(ref: pykka.ActorRef[Any]) -> bool:
    """Return whether an actor of ours takes messages and has a thread that handles them."""
    thread = mailbox_of(ref).thread
    return ref.is_alive() and thread is not None and thread.is_alive()
