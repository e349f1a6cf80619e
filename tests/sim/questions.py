"""Questions of a program's other threads, each of which must be answered or refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from depthactors.dispatcher.future import DispatchedFuture
from depthactors.dispatcher.mailbox import mailbox_of

if TYPE_CHECKING:
    from collections.abc import Callable

    import pykka

    from depthactors.dispatcher.simulated import Simulation
    from tests.sim.disturbances import Disturbances

_LONGEST_PAUSE = 0.02
"""Seconds for which a thread stands still at most between its two steps: about as long as an actor takes to end."""


class Questions:
    """Asks actors as a thread does that stands still between pykka's two steps: it looks whether the actor lives, and
    puts the question into its mailbox. Each must be answered or refused once there was
    time for it."""

    def __init__(
        self, simulation: Simulation, draw: Callable[[], float], fail: Callable[[str], None], disturbed: Disturbances
    ) -> None:
        self._simulation, self._draw, self._fail, self._disturbed = simulation, draw, fail, disturbed
        self._open: list[tuple[float, str, DispatchedFuture[Any]]] = []

    def ask(self, ref: pykka.ActorRef[Any], message: Any) -> None:
        """Ask an actor, if it lives."""
        if ref.is_alive():
            mailbox, future = mailbox_of(ref), DispatchedFuture[Any]()
            pause = _LONGEST_PAUSE * self._draw()
            self._simulation.after(pause, lambda: mailbox.ask(message, future))
            self._open.append((self._simulation.monotonic() + pause, mailbox.name, future))

    def check(self) -> None:
        """Fail the run if there was time for a question, and nothing came of it."""
        self._open = [question for question in self._open if not question[2].is_answered()]
        for begun, name, _ in self._open:
            if self._disturbed.had_time(begun):
                self._fail(f"{name}: a question was neither answered nor refused")
