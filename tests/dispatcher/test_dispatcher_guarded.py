"""A guarded value is used by one thread at a time."""

import threading

import pytest

from depthactors.dispatcher.guarded import Guarded
from tests.support import PATIENCE


def test_a_thread_inside_keeps_the_others_out_until_it_leaves():
    order, entered = [], threading.Event()
    guarded = Guarded(order)

    def second():
        entered.set()
        with guarded as value:
            value.append("second")

    thread = threading.Thread(target=second)
    with guarded as value:
        thread.start()
        assert entered.wait(PATIENCE)
        value.append("first")
    thread.join(PATIENCE)
    assert order == ["first", "second"]


def test_an_error_inside_lets_the_others_in():
    guarded = Guarded([])
    with pytest.raises(IndexError), guarded as value:
        value.pop()
    with guarded as value:
        value.append("reached")
    assert value == ["reached"]
