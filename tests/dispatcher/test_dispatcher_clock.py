"""The system's clock."""

from __future__ import annotations

import time

from depthactors.dispatcher import SYSTEM_CLOCK


def test_it_tells_the_times_of_this_machine():
    before = time.monotonic(), time.time()
    told = SYSTEM_CLOCK.monotonic(), SYSTEM_CLOCK.time()
    after = time.monotonic(), time.time()
    assert before[0] <= told[0] <= after[0]
    assert before[1] <= told[1] <= after[1]
