"""What a worker may request from the exchange is what the engine's process allows."""

import threading

import pytest

from depthactors.markets import SPOT
from depthactors.net.allowance import Allowance, WeightLevel
from depthactors.net.network import SocketNetwork
from depthactors.net.settings import NetworkSettings
from depthactors.shards.messages import Answer
from depthactors.worker import leases as module
from depthactors.worker.leases import LeasedNetwork, Leases
from tests.support import SetClock


class Outbox:
    """Carries calls to an allowance, as the engine's process does; without one nothing is answered."""

    def __init__(self, own=None):
        self.own = own
        self.leases = Leases(self)
        self.calls = []

    def put(self, call):
        self.calls.append(call)
        if self.own is not None:
            value = getattr(self.own, call.method)(*call.arguments)
            if call.request_id:
                # The answer comes in another thread, perhaps before the caller waits for it.
                threading.Thread(target=self.leases.take_answer, args=(Answer(call.request_id, value),)).start()

    def withdraw(self, call):
        self.calls.remove(call)


def test_it_is_the_engines_own_allowance_from_afar():
    own = Allowance(100, 10, clock=SetClock(ahead=1_000_000.0))
    outbox = Outbox(own)
    allowance = outbox.leases.allowance_of(SPOT)
    assert allowance.take_weight(40) == 0.0
    assert own.level().used == 40
    assert allowance.take_weight(100) > 0.0
    assert own.level().used == 40
    assert allowance.level() == own.level()
    assert allowance.estimate(100) == own.estimate(100) > 0.0
    allowance.block_requests(30.0)
    assert own.level().silent_for == 30.0
    assert allowance.take_weight(1) == 30.0
    allowance.note_answer(90, None, 0.0, 0.0)
    assert own.level().used == 90
    takes = [allowance.take_connection() for _ in range(10)]
    assert takes[0] == 0.0
    assert takes[-1] > 0.0
    allowance.block_connections(900.0)
    assert allowance.take_connection() == own.take_connection() == 900.0
    assert {call.market for call in outbox.calls} == {SPOT}


@pytest.fixture
def unanswered(monkeypatch):
    monkeypatch.setattr(module, "_ANSWER_TIMEOUT", 0.01)
    return Outbox()


def test_without_an_answer_nothing_is_taken_and_no_call_is_left_to_be_sent(unanswered):
    allowance = unanswered.leases.allowance_of(SPOT)
    assert allowance.take_weight(1) > 0.0
    assert allowance.take_connection() > 0.0
    assert allowance.estimate(1) > 0.0
    assert allowance.level() == WeightLevel(0, SPOT.weight_per_minute, 0, 0.0)
    assert unanswered.calls == []


def test_an_answer_that_comes_too_late_is_dropped(unanswered):
    assert unanswered.leases.ask(SPOT, "level") is None
    unanswered.leases.take_answer(Answer(1, 5.0))
    assert unanswered.leases.ask(SPOT, "level") is None


def test_what_a_leased_network_spends_is_spent_in_the_engines_process():
    own = Allowance(100, 10, clock=SetClock(ahead=1_000_000.0))
    network = LeasedNetwork(SocketNetwork(NetworkSettings()), Outbox(own).leases)
    assert network.allowance(SPOT).take_weight(30) == 0.0
    assert own.level().used == 30
