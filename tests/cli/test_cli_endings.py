"""A command that runs until a signal: the first one lets it finish, the second one is as without it."""

import signal
import threading

import pytest

from depthactors.cli.endings import until_signal


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_opens_the_gate_and_the_second_one_interrupts(number):
    before = [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)]
    with until_signal() as gate:
        assert not gate.wait(0.0)
        signal.raise_signal(number)
        assert gate.wait(0.0)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)] == before


def test_a_terminal_that_is_closed_opens_the_gate_however_often_it_is_told():
    before = signal.getsignal(signal.SIGHUP)
    with until_signal() as gate:
        signal.raise_signal(signal.SIGHUP)
        signal.raise_signal(signal.SIGHUP)
        assert gate.wait(0.0)
    assert signal.getsignal(signal.SIGHUP) == before


def test_a_hang_up_that_is_ignored_stays_ignored():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with until_signal() as gate:
            signal.raise_signal(signal.SIGHUP)
            assert not gate.is_set()
    finally:
        signal.signal(signal.SIGHUP, before)


def test_without_a_signal_the_handlers_are_as_before():
    before = signal.getsignal(signal.SIGTERM)
    with until_signal() as gate:
        assert signal.getsignal(signal.SIGTERM) is not before
    assert (signal.getsignal(signal.SIGTERM), gate.is_set()) == (before, False)


def test_in_another_thread_no_handler_is_set():
    before, seen = signal.getsignal(signal.SIGINT), []

    def run():
        with until_signal() as gate:
            seen.append((signal.getsignal(signal.SIGINT), gate.is_set()))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert seen == [(before, False)]
