"""Commands that a closed terminal ends, also where the tests run by `nohup`."""

import signal

import pytest


@pytest.fixture(autouse=True)
def _hangup_ends():
    # What a process ignores, the programs that it starts ignore too.
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)
