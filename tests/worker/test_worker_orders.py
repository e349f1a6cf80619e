"""Orders to a worker: carried out in order, bounded, and an unknown failure ends the worker."""

from types import SimpleNamespace

import pykka
import pytest

from depthactors import Top
from depthactors.dispatcher.simulated import SimulatedDispatcher
from depthactors.errors import BusyError, LifecycleError, UsageError
from depthactors.markets import SPOT
from depthactors.shards.messages import Answer, BookOpening, BookQuestion, ErrorReport, Follow, ReportStatus, Unfollow
from depthactors.worker import orders as module
from depthactors.worker.orders import Orders
from tests.shards.shard_support import spec_of


class Outbox:
    """Keeps what is put; notes when it is stopped."""

    def __init__(self):
        self.sent = []
        self.put = self.sent.append
        self.is_stopped = False

    def stop(self, timeout):
        assert timeout > 0
        self.is_stopped = True


class Slots:
    """Expects what it is told to expect."""

    def expect(self, key, place):
        pass

    def expect_no_more(self, key):
        pass


class Scene:
    def __init__(self):
        self.dispatcher = SimulatedDispatcher(1)
        self.outbox, self.ends = Outbox(), []
        self.runtime = SimpleNamespace(dispatcher=self.dispatcher, alive=True, ask=self._ask)
        self.orders = Orders("worker-1", self.runtime, Slots(), self.outbox, lambda: self.ends.append(1))

    def _ask(self, _message):
        """Die of the question, as a supervisor may."""
        self.runtime.alive = False
        msg = "the supervisor died; make a new engine"
        raise LifecycleError(msg)

    def run(self):
        self.dispatcher.simulation.run_for(10.0)
        return self.outbox.sent


@pytest.fixture
def scene():
    scene = Scene()
    with scene.dispatcher.simulation:
        yield scene


def test_orders_are_carried_out_in_their_order(scene):
    for request in range(1, 100):
        scene.orders.put(Unfollow(request, 7))
    assert scene.outbox.sent == [], "not in the thread that puts"
    assert scene.run() == [Answer(request) for request in range(1, 100)]


def test_a_question_beyond_the_bound_is_refused_at_once_and_the_other_orders_are_not(scene):
    for request in range(1, module.MOST_WAITING + 1):
        scene.orders.put(Unfollow(request, 7))
    scene.orders.put(BookQuestion(9_001, 7, Top(1)))
    scene.orders.put(ReportStatus(9_002, 1.0))
    scene.orders.put(Unfollow(9_003, 7))
    refused = scene.outbox.sent.copy()
    assert [(each.request_id, type(each.error)) for each in refused] == [(9_001, BusyError), (9_002, BusyError)]
    assert "2000 orders wait" in str(refused[0].error)
    answered = scene.run()[2:]
    assert [each.request_id for each in answered] == [*range(1, module.MOST_WAITING + 1), 9_003]
    scene.orders.put(BookQuestion(9_004, 7, Top(1)))
    assert isinstance(scene.run()[-1].error, pykka.ActorDeadError), "there is room again"


def test_an_order_that_cannot_be_understood_is_refused_and_the_next_one_is_carried_out(scene):
    scene.orders.put("make me a sandwich")
    scene.orders.put(Unfollow(1, 7))
    error, answer = scene.run()
    assert (type(error.error), answer, scene.ends) == (UsageError, Answer(1), [])


def test_an_order_that_fails_for_no_known_reason_ends_the_worker_once_its_reason_was_sent(scene):
    scene.orders.put(Follow(None))
    scene.orders.put(Unfollow(1, 7))
    (report,) = scene.run()
    assert isinstance(report, ErrorReport)
    assert isinstance(report.error, LifecycleError)
    assert "worker-1 ends: TypeError" in str(report.error)
    assert (scene.outbox.is_stopped, scene.ends) == (True, [1])


@pytest.mark.parametrize("dies_before", [True, False])
def test_a_book_is_not_refused_because_the_supervisor_here_died_and_the_worker_ends(scene, dies_before):
    scene.runtime.alive = not dies_before
    scene.orders.put(Follow((BookOpening(1, 1, spec_of(SPOT), "book-1@0", reports_updates=False),)))
    scene.orders.put(BookQuestion(2, 1, Top(1)))
    assert scene.run() == [], "the engine's process has another worker open it, and answers"
    assert scene.ends == [1]


def test_nothing_is_begun_after_the_end(scene):
    scene.orders.put(Unfollow(1, 7))
    scene.orders.close()
    assert scene.run() == []
