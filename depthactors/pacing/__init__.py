"""Rates and waits: request weight a minute, messages a second, retries, restarts, and how long a stream may be silent.

All of it is data and arithmetic: times and random numbers are arguments. All durations are in seconds; `wall` is the
time since the epoch (the exchange counts by clock minutes), `now` is any monotonic clock.
"""

from depthactors.pacing.host_pace import HostPace
from depthactors.pacing.rates import Backoff, RateWindow, RestartIntensity, stagger
from depthactors.pacing.reconnects import Reconnects
from depthactors.pacing.request_block import RequestBlock
from depthactors.pacing.server_clock import ServerClock
from depthactors.pacing.silence import SilenceWatch
from depthactors.pacing.timing import USUAL, Timing
from depthactors.pacing.weight import WeightBudget

__all__ = [
    "USUAL",
    "Backoff",
    "HostPace",
    "RateWindow",
    "Reconnects",
    "RequestBlock",
    "RestartIntensity",
    "ServerClock",
    "SilenceWatch",
    "Timing",
    "WeightBudget",
    "stagger",
]
