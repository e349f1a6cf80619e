"""What a client showed of the frames that were sent to it within some seconds, and whether it held their rate. Pure."""

from __future__ import annotations

from typing import Any, NamedTuple

LATE_MS = 100.0
LEAST_SHOWN = 0.99
LEAST_SHOWN_NEARLY = 0.9
LEAST_SENT = 0.97
"""Share of the wanted frames that the generator has to send; with less the rate was not tried."""


class Window(NamedTuple):
    """Some seconds of one client.

    Attributes:
        rate: frames a second that were wanted of the generator.
        sent: number of frames that it made within these seconds.
        told: what the client's meter told of exactly these frames.
    """

    rate: float
    sent: int
    told: dict[str, Any]

    @property
    def holds(self) -> bool:
        """Whether the client sustained the rate: it showed every frame, left out none on purpose, and was in time."""
        return (
            not self.generator_is_behind
            and self.shown >= LEAST_SHOWN
            and not self.told["coalesced"]
            and self.p99_ms < LATE_MS
        )

    @property
    def may_hold(self) -> bool:
        """Whether something else on the machine may be to blame if the client did not hold the rate."""
        return self.shown >= LEAST_SHOWN_NEARLY and self.p99_ms < 3 * LATE_MS

    @property
    def shown(self) -> float:
        """The share of frames that a callback was called for."""
        return self.told["updates"] / self.sent if self.sent else 0.0

    @property
    def p99_ms(self) -> float:
        """The latency that 99 of 100 shown frames do not exceed, in milliseconds."""
        late = self.told["late_ms"]
        return late["p99"] if late else float("inf")

    @property
    def cpu_us(self) -> float:
        """CPU microseconds a frame, of the client's processes."""
        return 1e6 * self.told["cpu"] / self.sent

    @property
    def own_us(self) -> float:
        """CPU microseconds a frame, of the process that has the callbacks."""
        return 1e6 * self.told["own_cpu"] / self.sent

    @property
    def generator_is_behind(self) -> bool:
        """Whether the generator did not get so far itself."""
        return self.sent < LEAST_SENT * self.rate * self.told["seconds"]
