"""Connecting by TCP: what another thread may do at each moment of it."""

import time

import pytest

from depthactors.net.deadline import Deadline
from depthactors.net.dial import dial, shut_down
from tests.net.net_support import PATIENCE, black_hole


def test_a_socket_that_is_shut_down_just_before_it_connects_does_not_wait_for_an_answer():
    held = []

    def shut_at_once(sock):
        if held:
            raise ConnectionAbortedError
        held.append(sock)
        shut_down(sock)

    begun = time.monotonic()
    with black_hole() as (host, port), pytest.raises(ConnectionAbortedError):
        dial(host, port, Deadline(12 * PATIENCE), shut_at_once)
    assert time.monotonic() - begun < PATIENCE
