"""The dispatcher: actors get their turns, timers, the time and random numbers from it, and from nothing else.

`pooled` has threads and the system's time. `simulated` draws time and order from a seed. This package knows no actor
of an engine, no socket and no book.
"""

from depthactors.dispatcher.clock import SYSTEM_CLOCK, Clock, SystemClock

__all__ = ["SYSTEM_CLOCK", "Clock", "SystemClock"]
