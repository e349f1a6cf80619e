"""Short durations, where a test waits for what the engine does of itself."""

import pytest

from depthactors.pacing import Timing


@pytest.fixture
def fast(set_timing):
    """Give every engine of the test the timing of tests."""
    set_timing(Timing.fast())
