"""How the supervisor treats its children: the strategy, the limits, and what survives a death. All of it is here.

The strategy is OTP's one-for-one: a child that dies is replaced alone, and nobody else is disturbed. A
death is an exception that a handler let out, of whatever class, in the start too; or a thread that ended
without a word, which the supervisor looks for. Each child has a restart intensity of its own: so many
restarts in so many seconds (OTP's `intensity` and `period`). Beyond it the child is given up, alone, and
everybody concerned is told. A successor that cannot be started, as the system has no thread to give, is
a restart that failed: it counts, and the supervisor's next look at its children tries again.

| child          | what its successor takes over    | what others notice         | when it is given up          |
|----------------|----------------------------------|----------------------------|------------------------------|
| book           | its cell: the last good levels,  | readers: `STALE`, `LIVE`;  | that book is `FAILED`, its   |
|                | the listeners, the counters      | other books: nothing       | stream is given back         |
| socket         | the streams and their books      | its books: `STALE`, `LIVE` | its books are `FAILED`       |
| reader thread  | (the socket's connection is made | the same                   | with the reconnects, where   |
|                | anew, after a wait)              |                            | `max_reconnects` limits them |
| snapshot actor | the allowance, which is the      | nothing: the books ask     | the books of its pool are    |
|                | address's                        | again                      | `FAILED`                     |
| REST worker    | (the next request starts one)    | one request fails          | never                        |
| worker process | the books' cells and slots: the  | readers of its books:      | its books are `FAILED`       |
|                | last good levels, the listeners  | `STALE`, `LIVE`            |                              |
| stand-in of a  | its cell                         | its listeners: an error    | that book is `FAILED`        |
| book           |                                  |                            |                              |

A worker process of another version of the package, as after an upgrade, is not replaced: the others keep its books.
With workers each process has a supervisor of its own, and the last two are children of the one above them.
The supervisor itself is the root. A thread of its own watches it (`actors.watch`): should it die, every book is
`FAILED`, everything is stopped, and the engine says so.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from depthactors.errors import as_value
from depthactors.pacing import RestartIntensity

if TYPE_CHECKING:
    from collections.abc import Callable

    import pykka

RESTARTS: Final = 5
RESTART_SECONDS: Final = 60.0
"""A child that dies more often than so many times in so many seconds will not get better by itself."""


def _intensity() -> RestartIntensity:
    return RestartIntensity(RESTARTS, RESTART_SECONDS)


@dataclass(slots=True)
class Supervised:
    """A child of the supervisor.

    Attributes:
        ref: the present actor.
        restarts: how often it was replaced, or was to be.
        failure: why the last successor could not be started, `None` if it could.
    """

    ref: pykka.ActorRef[Any]
    restarts: int = 0
    failure: Exception | None = None
    _intensity: RestartIntensity = field(default_factory=_intensity)

    def may_restart(self, now: float) -> bool:
        """Count a restart at `now` (monotonic), and tell whether it is still within the intensity."""
        if not self._intensity.allows(now):
            return False
        self.restarts += 1
        return True

    def succeed(self, start: Callable[[], pykka.ActorRef[Any]]) -> bool:
        """Put the actor that `start` starts in the dead one's place; returns whether there is one.

        Whatever `start` raises is kept as the failure, and the dead one stays where it is.
        """
        try:
            self.ref = start()
        except Exception as error:  # noqa: BLE001 - nothing that a child does may end the supervisor
            self.failure = as_value(error)
            return False
        self.failure = None
        return True


def opened_in_vain(opened: pykka.Future[Any]) -> tuple[Any, ...]:
    """Return the cells of an `OpenBooks` that was handled before, none if it failed or was never sent."""
    try:
        cells: tuple[Any, ...] = opened.get(timeout=0)
    except Exception:  # noqa: BLE001 - whatever it failed with, whoever asked has gone
        return ()
    return cells
