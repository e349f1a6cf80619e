"""An actor of pykka that a dispatcher runs, instead of a thread of its own.

`ref.tell`, `ref.ask`, `ref.stop`, proxies, futures and `ActorRegistry` work as pykka documents. Differences:

- The first argument of `__init__` is the dispatcher, which has to be started, and may be closed when its actors have
  ended.
- An actor has no thread of its own, and two of its turns may run in two threads. The threads are not named after its
  class, and are daemons: an actor does not keep the program alive, and `use_daemon_thread` has no effect.
- A turn that waits for a future of such an actor lets the others go on. A turn that waits in another way (`sleep`, a
  lock, the future of an actor with a thread) holds them up, for up to half a second.
- A `BaseException` in a `tell` ends only the actor that raised it, and `on_failure` is called; in an `ask` it goes to
  the caller, and the actor lives on. Pykka would stop all actors of the process, those of the host program included,
  and never answer the `ask`.
- An exception in `on_start` is a death like any other: `on_failure` is called. Pykka runs no hook then; after a
  `BaseException` it would leave the actor registered, and no message to it would ever be answered.
- A message that comes after the actor's last look into its inbox is refused. Pykka would never answer it.
- The loop does not use the logger of pykka, which calls the host program's log handlers in the actor's turn: a handler
  that raises would end the actor, and a handler that blocks would hold it up. It uses the package's own logger, with
  other words: `ERROR` for a death as in pykka, `DEBUG` instead of `INFO` for an exception that went to a caller, and
  nothing for a start or a stop.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import pykka

from depthactors import reporting
from depthactors.dispatcher.future import DispatchedFuture
from depthactors.dispatcher.life import Life
from depthactors.dispatcher.mailbox import Mailbox
from depthactors.private_names import ActorStop, add_actor, remove_actor

if TYPE_CHECKING:
    from depthactors.dispatcher.dispatcher import Dispatcher
    from depthactors.private_names import Envelope

logger = reporting.logger(__name__)


class _Start:
    """The first message of an actor, to itself."""


_START = _Start()


class DispatchedActor(pykka.ThreadingActor):
    """An actor with a mailbox and a dispatcher.

    Thread: its methods run in one of the dispatcher's, one at a time, `__init__` aside.

    Attributes:
        name: the actor's name in the log.
        dispatcher: the dispatcher that runs it.
        mailbox: its inbox.
    """

    def __init__(self, dispatcher: Dispatcher, name: str | None = None) -> None:
        """Prepare; the first turn comes after `start`.

        Args:
            dispatcher: the dispatcher that runs it.
            name: its name in the log; `None` for that of its class.
        """
        super().__init__()
        self.name = type(self).__name__ if name is None else name
        self.dispatcher = dispatcher
        self.mailbox = cast("Mailbox", self.actor_inbox)
        self.mailbox.attach(dispatcher, self.name)

    @classmethod
    def start(cls, *args: Any, **kwargs: Any) -> pykka.ActorRef[Any]:
        """Make an actor and start it; arguments as for the class."""
        actor = cls(*args, **kwargs)
        add_actor(actor.actor_ref)
        actor._start_actor_loop()
        return actor.actor_ref

    @staticmethod
    def _create_actor_inbox() -> Any:
        return Mailbox()

    @staticmethod
    def _create_future() -> pykka.Future[Any]:
        return DispatchedFuture()

    def _start_actor_loop(self) -> None:
        self.mailbox.put_due(_START)
        self.mailbox.open(Life(self.name), self._take, self._die)

    def unregister(self) -> None:
        """Accept no more messages. May be called twice."""
        remove_actor(self.actor_ref)
        self.actor_stopped.set()

    def ended(self) -> None:
        """Do what is to be done when the actor has ended and its mailbox is closed; for subclasses."""

    def refuse(self, message: Any, error: pykka.ActorDeadError) -> None:
        """Notify the sender that the dead actor will not handle a message; for subclasses. Thread: any.

        An `ask` is answered without it; this is for messages whose effect is awaited in another way.
        """

    # Turns.

    def _take(self, message: Any, reply_to: pykka.Future[Any] | None) -> None:
        """Handle a message; called by the mailbox."""
        if reply_to is not None:
            try:
                reply_to.set(self._handle_receive(message))
            except BaseException as error:  # noqa: BLE001 - it is the caller's
                logger.debug("! %s returned to its caller: %s", self.name, error)
                reply_to.set_exception()
        else:
            try:
                if message is _START:
                    self.on_start()
                else:
                    self._handle_receive(message)
            except BaseException as error:  # noqa: BLE001 - any exception is the death of this actor alone
                self._die(error)
                return
        if self.actor_stopped.is_set():
            self._end()

    def _stop(self) -> None:
        """Stop; pykka calls it when the actor's turn to stop has come."""
        self.unregister()
        try:
            self.on_stop()
        except BaseException:
            logger.exception("! %s could not give back all that it held", self.name)

    def _die(self, error: BaseException) -> None:
        """End by an exception."""
        logger.error("! %s failed", self.name, exc_info=error)
        # Whoever finds it dead finds out why.
        self.mailbox.death = error
        self.unregister()
        try:
            self.on_failure(type(error), error, error.__traceback__)
        except BaseException:
            logger.exception("! %s could not give back all that it held", self.name)
        self._end()

    def _end(self) -> None:
        """Handle no more messages."""
        mailbox = self.mailbox
        # Pykka would never answer an `ask` that arrives after its last look.
        mailbox.close(self._refuse)
        try:
            self.ended()
        finally:
            if mailbox.life is not None:
                mailbox.life.end()

    def _refuse(self, envelope: Envelope[Any]) -> None:
        """Answer a message that will not be handled. Thread: any."""
        error = pykka.ActorDeadError(f"{self.name} ended before it handled {type(envelope.message).__name__}")
        self.refuse(envelope.message, error)
        if envelope.reply_to is None:
            return
        if isinstance(envelope.message, ActorStop):
            envelope.reply_to.set(None)
        else:
            envelope.reply_to.set_exception((type(error), error, None))
