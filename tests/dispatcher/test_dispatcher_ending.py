"""What can be waited for: a thread, and the life of an actor, in the same way."""

import threading

import pytest

from depthactors.dispatcher.life import Life
from tests.support import PATIENCE


@pytest.fixture(params=["thread", "life"])
def ending(request):
    """Return something that can be waited for, and what ends it."""
    if request.param == "life":
        life = Life("name")
        return life, life.end
    leave = threading.Event()
    thread = threading.Thread(target=leave.wait, args=(PATIENCE,), name="name")
    thread.start()
    return thread, leave.set


def test_it_has_a_name_and_is_alive_until_it_ends(ending):
    waited_for, end = ending
    waited_for.join(0.0)
    assert (waited_for.name, waited_for.is_alive()) == ("name", True)
    end()
    waited_for.join(PATIENCE)
    assert not waited_for.is_alive()
