"""Stopping the actors of an engine: the supervisor's children in order, then itself, then the threads that helped."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Final

import pykka

from depthactors import reporting
from depthactors.actors.supervisor_messages import Shutdown
from depthactors.actors.watch import stop_children
from depthactors.dispatcher.mailbox import mailbox_of
from depthactors.dispatcher.threads import is_engine_thread
from depthactors.engine.lifecycle import PATIENCE, join

if TYPE_CHECKING:
    from depthactors.dispatcher.clock import Clock
    from depthactors.dispatcher.ending import Ending

logger = reporting.logger(__name__)

_SHUTDOWN_TIMEOUT: Final = 2.0
"""Seconds for the supervisor to stop its children; then they are stopped without it."""


def stop_actors(ref: pykka.ActorRef[Any], deadline: float, clock: Clock) -> list[Ending]:
    """Stop the supervisor and its children by a monotonic deadline; returns what is still alive then.

    If the supervisor is dead or does not answer, its mailbox still knows the children.
    """
    supervisor = mailbox_of(ref)
    boxes = {mailbox_of(child) for child in tuple(supervisor.children)}
    if ref.is_alive():
        patience = min(_SHUTDOWN_TIMEOUT, (deadline - clock.monotonic()) / 2)
        try:
            stopped: Any = ref.ask(Shutdown(), timeout=max(0.0, patience))
            boxes.update(stopped)
        except (pykka.ActorDeadError, pykka.Timeout) as error:
            logger.warning("! the supervisor did not stop its children: %s", error)
        ref.stop(block=False)
    stop_children(ref)
    ending = (*(box.life for box in boxes if box.life is not None), *supervisor.endings)
    left = join(ending, deadline, callback_patience(), clock=clock)
    # Only now: an actor that handled a message while it was stopped may have started a helper since.
    helpers = {helper for box in boxes for helper in box.helpers} | set(supervisor.inherited)
    return left + join(helpers, deadline, clock=clock)


def callback_patience() -> float:
    """Return the seconds that this thread may wait for a running callback: none if it runs one itself."""
    return 0.0 if is_engine_thread(threading.current_thread()) else PATIENCE
