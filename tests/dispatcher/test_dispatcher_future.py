"""The answer to an ask: whoever waits for it in a thread of the dispatcher lets others run, which bring the answer."""

import queue
import threading
from contextlib import suppress

import pykka
import pytest

from depthactors.dispatcher.actor import DispatchedActor
from depthactors.dispatcher.current import register, unregister
from depthactors.dispatcher.future import DispatchedFuture
from depthactors.errors import LifecycleError
from tests.support import Recorder, places_in


class Asking(DispatchedActor):
    """Asks another actor, and waits for its answer in its own turn."""

    def __init__(self, dispatcher, other=None):
        super().__init__(dispatcher)
        self._other = other

    def on_receive(self, message):
        return message if self._other is None else self._other.ask(message, timeout=5)


@pytest.fixture
def started():
    refs = []
    yield lambda *arguments: refs.append(Asking.start(*arguments)) or refs[-1]
    for ref in refs:
        ref.stop()


def test_it_is_a_future_of_pykka():
    future = DispatchedFuture()
    assert isinstance(future, pykka.Future)
    with pytest.raises(pykka.Timeout):
        future.get(timeout=0)
    future.set(1)
    assert (future.get(timeout=0), future.get()) == (1, 1)
    failed = DispatchedFuture()
    failed.set_exception((ZeroDivisionError, ZeroDivisionError("no"), None))
    with pytest.raises(ZeroDivisionError, match="no"):
        failed.get(timeout=0)


def test_it_can_be_filtered_joined_mapped_and_reduced():
    futures = [DispatchedFuture() for _ in range(3)]
    for number, future in enumerate(futures):
        future.set(number)
    first, *others = futures
    assert first.join(*others).get(timeout=0) == [0, 1, 2]
    assert first.join(*others).filter(bool).map(lambda number: 10 * number).reduce(int.__add__, 0).get(timeout=0) == 30


def test_actors_that_wait_for_each_other_in_a_row_get_their_answers(dispatcher, started):
    ref = started(dispatcher)
    for _ in range(10):
        ref = started(dispatcher, ref)
    assert ref.ask("through ten actors", timeout=10) == "through ten actors"


def test_what_an_actor_asks_is_answered_while_others_run(dispatcher, started):
    answers = Recorder()
    plain = started(dispatcher)
    waiting = started(dispatcher, plain)
    futures = [waiting.ask(number, block=False) for number in range(20)]
    answers([future.get(timeout=10) for future in futures])
    assert answers.seen == [list(range(20))]


def test_where_no_thread_can_go_on_with_the_queue_the_wait_is_refused_at_once():
    class Alone:
        task = None

        def let_others_run(self, _is_over, _timeout):
            msg = "no thread is left"
            raise LifecycleError(msg)

    register(Alone())
    try:
        with pytest.raises(LifecycleError, match="no thread is left"):
            DispatchedFuture().get(timeout=60)
    finally:
        unregister()


def test_after_ctrl_c_anywhere_in_a_wait_its_actor_can_answer_and_others_can_wait():
    def call_for():
        future = DispatchedFuture()

        def wait():
            with suppress(pykka.Timeout):
                future.get(timeout=0.01)

        return wait, future

    for future in places_in(call_for, files=""):
        actor = threading.Thread(target=future.set, args=("the answer",), daemon=True)
        actor.start()
        actor.join(5)
        assert not actor.is_alive()
        assert future.get(timeout=5) == "the answer"


def test_a_second_answer_is_refused_and_the_first_one_stays():
    future = DispatchedFuture()
    future.set(1)
    with pytest.raises(queue.Full):
        future.set(2)
    with pytest.raises(queue.Full):
        future.set_exception((KeyError, None, None))
    with pytest.raises(queue.Full):
        future.set_get_hook(lambda _timeout: 3)
    assert future.get(timeout=0) == 1
    promised = DispatchedFuture()
    promised.set_get_hook(lambda timeout: timeout)
    with pytest.raises(queue.Full):
        promised.set(1)
    assert promised.get(timeout=2) == 2
