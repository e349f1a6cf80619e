"""Simulated time: no second passes, the order comes from the seed, and a wait runs the others."""

import threading
import time

import pykka
import pytest

from depthactors.dispatcher.actor import DispatchedActor
from depthactors.dispatcher.current import sleep
from depthactors.dispatcher.lane import Lane
from depthactors.dispatcher.simulated import SimulatedDispatcher, Simulation
from depthactors.errors import UsageError


class Noting(DispatchedActor):
    """Notes its messages with their times; asks another actor, and sleeps, when it is told to."""

    def __init__(self, dispatcher, log, name=None):
        super().__init__(dispatcher, name)
        self.log = log

    def on_receive(self, message):
        self.log.append((self.name, message))
        match message:
            case ("ask", ref):
                return ref.ask("asked")
            case ("after", seconds, later):
                self.mailbox.after(seconds, later)
            case ("sleep", seconds):
                sleep(seconds)
        return self.mailbox.now()


class Turn:
    """A listener of a lane."""

    def __init__(self, call):
        self.take_turn = call


@pytest.fixture
def dispatcher():
    dispatcher = SimulatedDispatcher(7)
    with dispatcher.simulation:
        yield dispatcher


def order(seed):
    """Return the order in which ten actors, told at the same time, have their turns."""
    dispatcher, log = SimulatedDispatcher(seed), []
    with dispatcher.simulation:
        for number in range(10):
            Noting.start(dispatcher, log, str(number)).tell("go")
        dispatcher.simulation.run_for(1.0)
    return [name for name, _ in log]


def test_the_seed_and_nothing_else_gives_the_order():
    assert order(1) == order(1)
    assert sorted(order(1)) == sorted(map(str, range(10)))
    assert len({tuple(order(seed)) for seed in range(10)}) > 5


def test_an_hour_takes_no_time_and_timers_fire_at_theirs(dispatcher):
    log, begun = [], time.monotonic()
    ref = Noting.start(dispatcher, log)
    ref.tell(("after", 3600.0, "later"))
    dispatcher.simulation.run_for(3599.0)
    assert len(log) == 1
    dispatcher.simulation.run_for(2.0)
    assert log[1] == ("Noting", "later")
    assert dispatcher.monotonic() == pytest.approx(3601.0)
    assert dispatcher.time() - dispatcher.monotonic() == pytest.approx(1_790_000_000.0)
    assert time.monotonic() - begun < 5.0


def test_actions_are_called_at_their_time_and_of_equal_times_in_order():
    simulation, calls = Simulation(1), []

    def call(name):
        return lambda: calls.append((name, simulation.monotonic()))

    for name, seconds in (("late", 2.0), ("one", 1.0), ("two", 1.0), ("never", 5.1), ("now", -1.0)):
        simulation.after(seconds, call(name))
    simulation.after(1.0, lambda: simulation.after(0.5, call("of an action")))
    assert calls == []
    simulation.run_for(5.0)
    assert calls == [("now", 0.0), ("one", 1.0), ("two", 1.0), ("of an action", 1.5), ("late", 2.0)]
    assert (simulation.monotonic(), simulation.steps) == (5.0, 0)


def test_whoever_asks_waits_while_the_others_run(dispatcher):
    log = []
    first, second = Noting.start(dispatcher, log, "first"), Noting.start(dispatcher, log, "second")
    assert first.ask(("ask", second)) < 1.0
    assert log[-1] == ("second", "asked")


def test_a_question_without_an_answer_takes_simulated_seconds_only(dispatcher):
    other = SimulatedDispatcher(simulation=dispatcher.simulation)
    ref, begun = Noting.start(other, []), time.monotonic()
    other.hold(1000.0)
    with pytest.raises(pykka.Timeout):
        ref.ask("anything", timeout=500.0)
    assert dispatcher.monotonic() == pytest.approx(500.0)
    assert time.monotonic() - begun < 5.0


def test_a_callback_that_sleeps_holds_up_its_lane_and_no_other(dispatcher):
    seen = []
    slow, quick = Lane(dispatcher, "slow"), Lane(dispatcher, "quick")
    slow.give_turn(Turn(lambda: (sleep(10.0), seen.append("slow"))))
    dispatcher.simulation.after(1.0, lambda: slow.give_turn(Turn(lambda: seen.append("slow again"))))
    dispatcher.simulation.after(2.0, lambda: quick.give_turn(Turn(lambda: seen.append("quick"))))
    dispatcher.simulation.run_for(20.0)
    assert seen == ["quick", "slow", "slow again"]


def test_a_process_that_stands_still_takes_no_turn_and_no_timer_and_the_others_go_on(dispatcher):
    log = []
    other = SimulatedDispatcher(simulation=dispatcher.simulation)
    still, going = Noting.start(dispatcher, log, "still"), Noting.start(other, log, "going")
    still.tell(("after", 1.0, "timer"))
    dispatcher.simulation.run_for(0.5)
    dispatcher.hold(10.0)
    still.tell("message")
    going.tell("message")
    dispatcher.simulation.run_for(5.0)
    assert log[1:] == [("going", "message")]
    dispatcher.simulation.run_for(10.0)
    assert sorted(log[2:]) == [("still", "message"), ("still", "timer")]


def test_a_wait_ends_in_time_however_many_others_began_after_it(dispatcher):
    log = []
    ref = Noting.start(dispatcher, log)
    for _ in range(50):
        ref = _asking(dispatcher, log, ref)
    assert ref.ask("go", timeout=60.0) < 1.0
    Noting.start(dispatcher, log).tell(("sleep", 1000.0))
    assert not dispatcher.simulation.run_until(lambda: False, 1.0)
    assert dispatcher.monotonic() < 2.0


def _asking(dispatcher, log, asked):
    class Asking(Noting):
        def on_receive(self, message):
            return asked.ask(message, timeout=60.0)

    return Asking.start(dispatcher, log)


def test_a_wait_does_not_end_while_its_process_stands_still(dispatcher):
    other = SimulatedDispatcher(simulation=dispatcher.simulation)
    seen = []
    lane = Lane(dispatcher, "waits")
    lane.give_turn(Turn(lambda: (sleep(1.0), seen.append(dispatcher.monotonic()))))
    away = Lane(other, "waits elsewhere")
    away.give_turn(Turn(lambda: (sleep(1.0), seen.append(other.monotonic()))))
    dispatcher.simulation.after(0.5, lambda: dispatcher.hold(10.0))
    dispatcher.simulation.run_for(20.0)
    assert seen == [pytest.approx(1.0, abs=0.01), pytest.approx(10.5, abs=0.01)]
    dispatcher.hold(10.0)
    sleep(1.0)
    assert dispatcher.monotonic() == pytest.approx(30.0, abs=0.01), "the thread from outside belongs to the first"


def test_a_killed_process_does_nothing_any_more_and_what_waits_in_it_never_goes_on(dispatcher):
    other = SimulatedDispatcher(simulation=dispatcher.simulation)
    log, seen = [], []
    ref, lane = Noting.start(other, log), Lane(other, "waits")
    ref.tell(("after", 1.0, "timer"))
    lane.give_turn(Turn(lambda: (sleep(1.0), seen.append("woken"))))
    dispatcher.simulation.run_for(0.5)
    other.kill()
    ref.tell("message")
    with pytest.raises(pykka.Timeout):
        ref.ask("question", timeout=5.0)
    assert (len(log), seen) == (1, [])
    pykka.ActorRegistry.unregister(ref)


def test_the_end_of_a_simulation_ends_all_threads_in_which_something_waits():
    seen = []
    dispatcher = SimulatedDispatcher(1)
    other = SimulatedDispatcher(simulation=dispatcher.simulation)
    with dispatcher.simulation:
        for each in (dispatcher, other):
            Lane(each, "waits").give_turn(Turn(lambda: (sleep(100.0), seen.append("woken"))))
        dispatcher.simulation.run_for(1.0)
        other.kill()
        dispatcher.simulation.run_for(1.0)
        assert sum(each.name == "simulation" for each in threading.enumerate()) >= 2
    assert [each.name for each in threading.enumerate() if each.name == "simulation"] == []
    assert seen == []


def test_what_an_action_raises_is_raised_where_the_simulation_is_run(dispatcher):
    def fail():
        sleep(0.1)
        raise KeyError

    dispatcher.simulation.after(1.0, fail)
    with pytest.raises(KeyError):
        sleep(10.0)
    assert dispatcher.monotonic() == pytest.approx(1.1, abs=0.01)


def test_a_wait_for_what_never_happens_is_an_error(dispatcher):
    with pytest.raises(UsageError, match="1 waits have no end"):
        Noting.start(SimulatedDispatcher(), []).ask("of another simulation")


def test_nothing_to_do_without_an_end_does_not_run_for_ever(dispatcher):
    with pytest.raises(pykka.Timeout):
        pykka.ThreadingFuture().get(timeout=0.0)
    assert not dispatcher.simulation.run_until(lambda: False, 100.0)
