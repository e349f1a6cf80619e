"""Who runs an actor, and what time it is: the one seam through which actors get threads, timers and the time.

It knows no actor of an engine, no socket and no book.
"""

from depthactors.dispatcher.clock import SYSTEM_CLOCK, Clock, SystemClock

__all__ = ["SYSTEM_CLOCK", "Clock", "SystemClock"]
