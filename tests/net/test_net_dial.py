"""Connecting by TCP: what another thread may do at each moment of it."""

import errno
import selectors
import socket
import time

import pytest

from depthactors.net.deadline import Deadline
from depthactors.net.dial import dial, shut_down, takes_bytes
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


def test_a_process_without_a_descriptor_left_and_a_closed_socket_may_send(monkeypatch):
    def refuse():
        raise OSError(errno.EMFILE, "Too many open files")

    here, there = socket.socketpair()
    with here, there:
        assert takes_bytes(here)
        monkeypatch.setattr(selectors, "DefaultSelector", refuse)
        assert takes_bytes(here)
    monkeypatch.undo()
    assert takes_bytes(here)
