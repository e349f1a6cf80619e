"""What a worker may ask of the exchange is what the engine's process says."""

from depthactors.markets import SPOT
from depthactors.net.allowance import Allowance, WeightLevel
from depthactors.worker.allowance import LeasedAllowance


def leased(answer):
    calls = []

    def ask(market, method, *arguments):
        calls.append((market, method, arguments))
        return answer(method, *arguments)

    return LeasedAllowance(SPOT, ask, ask), calls


def test_it_is_the_engines_own_allowance_from_afar():
    own = Allowance(100, 10, clock=lambda: 1_000_000.0, monotonic=lambda: 0.0)
    allowance, calls = leased(lambda method, *arguments: getattr(own, method)(*arguments))
    assert allowance.take_weight(40) == 0.0
    assert own.level().used == 40
    assert allowance.take_weight(100) > 0.0
    assert own.level().used == 40
    assert allowance.level() == own.level()
    assert allowance.estimate(100) == own.estimate(100) > 0.0
    allowance.silence(30.0)
    assert own.level().silent_for == 30.0
    assert allowance.take_weight(1) == 30.0
    allowance.note_answer(90, None, 0.0, 0.0)
    assert own.level().used == 90
    takes = [allowance.take_connection() for _ in range(10)]
    assert takes[0] == 0.0
    assert takes[-1] > 0.0
    allowance.silence_connections(900.0)
    assert allowance.take_connection() == own.take_connection() == 900.0
    assert {market for market, _, _ in calls} == {SPOT}


def test_without_an_answer_nothing_is_taken_for_granted():
    allowance, _ = leased(lambda *_arguments: None)
    assert allowance.take_weight(1) > 0.0
    assert allowance.take_connection() > 0.0
    assert allowance.estimate(1) > 0.0
    assert allowance.level() == WeightLevel(0, SPOT.weight_per_minute, 0, 0.0)
