"""The threads of an engine: their names, their start, and how they are recognised."""

import threading
import time

import pytest

from depthactors.dispatcher.threads import THREAD_PREFIX, give_way, is_engine_thread, start_thread, thread_name
from depthactors.errors import LifecycleError
from tests.support import PATIENCE


def test_each_thread_has_a_name_of_its_own_by_which_it_is_recognised():
    names = {thread_name("book") for _ in range(100)}
    assert len(names) == 100
    assert all(name.startswith(f"{THREAD_PREFIX}book-") for name in names)
    assert is_engine_thread(threading.Thread(name=names.pop()))
    assert not is_engine_thread(threading.current_thread())


@pytest.mark.parametrize("error", [RuntimeError("can't start new thread"), MemoryError("no room")], ids=type)
def test_a_thread_that_cannot_be_started_is_a_typed_error(monkeypatch, error):
    def refuse(_thread):
        raise error

    monkeypatch.setattr(threading.Thread, "start", refuse)
    with pytest.raises(LifecycleError, match=f"watch: its thread could not be started: {error}") as raised:
        start_thread(threading.Thread(), "watch")
    assert raised.value.__cause__ is error


def test_a_thread_that_lets_others_run_sees_what_they_finish():
    done, begun = [], threading.Event()

    def finish():
        begun.set()
        done.append("finished")

    thread = threading.Thread(target=finish)
    thread.start()
    begun.wait(PATIENCE)
    deadline = time.monotonic() + PATIENCE
    while not done and time.monotonic() < deadline:
        give_way()
    assert done == ["finished"]
    thread.join(PATIENCE)
