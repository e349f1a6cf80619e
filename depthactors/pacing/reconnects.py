"""How long to wait for the next connection, by how the ones before ended."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from depthactors.pacing.rates import Backoff

_LASTING: Final = 10.0
"""Seconds after which a connection that served counts as one that held."""
_SHORT_LIVED_CAP: Final = 5.0
"""Seconds that the end of a connection that did serve its streams is followed by at most, however often it comes."""


class Reconnects:
    """The waits between the connections of one socket.

    Tries fail until a connection serves; one that served and is soon lost is no failed try, but one that is lost
    again and again is not opened again and again as fast.

    Attributes:
        failures: tries that failed since the last connection that served.
    """

    def __init__(self, backoff: Backoff) -> None:
        """Begin without a try."""
        self.failures = 0
        self._backoff = backoff
        self._short_lived = 0

    def served(self) -> None:
        """Note that a connection serves, or that none is wanted any more: earlier failures are made up for."""
        self.failures = 0

    def wait(self, lasted: float | None, uniform: float) -> float | None:
        """Return the seconds before the next try, or `None` when tries are used up.

        Args:
            lasted: seconds for which the connection that ended was open, `None` if it never served.
            uniform: a random number in [0, 1), see `Backoff.wait`.
        """
        served = lasted is not None
        self.failures = 0 if served else self.failures + 1
        self._short_lived = 0 if lasted is not None and lasted > _LASTING else self._short_lived + 1
        wait = self._backoff.wait(self.failures, self._short_lived if served else self.failures, uniform)
        return min(wait, _SHORT_LIVED_CAP) if wait is not None and served else wait
