"""The wait before the next connection, which depends on how the earlier connections ended."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from depthactors.pacing.rates import Backoff

_LASTING: Final = 10.0
"""Seconds after which a connection that served its streams counts as lasting."""
_SHORT_LIVED_CAP: Final = 5.0
"""Longest wait in seconds after a connection that served its streams, however often such connections end."""


class Reconnects:
    """The waits between the connections of one socket.

    A try fails if its connection never serves a stream. A connection that served and is soon lost is no failed try, but
    after several of these in a row the waits grow, too.

    Attributes:
        failures: the number of tries that failed since the last connection that served.
    """

    def __init__(self, backoff: Backoff) -> None:
        """Begin without a try."""
        self.failures = 0
        self._backoff = backoff
        self._short_lived = 0

    def served(self) -> None:
        """Note that a connection serves, or that none is wanted any more: earlier failures do not count any more."""
        self.failures = 0

    def wait(self, lasted: float | None, uniform: float) -> float | None:
        """Return the seconds before the next try, or `None` if no try is left.

        Args:
            lasted: the seconds for which the last connection was open, `None` if it never served a stream.
            uniform: a random number in [0, 1), see `Backoff.wait`.
        """
        served = lasted is not None
        self.failures = 0 if served else self.failures + 1
        self._short_lived = 0 if lasted is not None and lasted > _LASTING else self._short_lived + 1
        wait = self._backoff.wait(self.failures, self._short_lived if served else self.failures, uniform)
        return min(wait, _SHORT_LIVED_CAP) if wait is not None and served else wait
