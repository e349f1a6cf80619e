"""A lane: calls one at a time, in the order in which turns were given, a bounded number before others have theirs."""

import threading

import pytest

from depthactors.dispatcher.lane import Lane
from tests.stepped import SteppedDispatcher
from tests.support import PATIENCE, Recorder


class Listening:
    """A listener that calls a function with its name at each turn."""

    def __init__(self, name, function):
        self._name, self._function = name, function

    def take_turn(self):
        self._function(self._name)


@pytest.fixture
def stepped():
    return SteppedDispatcher()


@pytest.fixture
def lane(stepped):
    return Lane(stepped)


def test_turns_are_taken_in_the_order_in_which_they_were_given(lane, stepped):
    seen = []
    first, second = Listening("first", seen.append), Listening("second", seen.append)
    for listener in (first, second, second, first):
        lane.give_turn(listener)
    assert (seen, lane.has_work) == ([], True)
    stepped.run()
    assert (seen, lane.has_work) == (["first", "second", "second", "first"], False)


def test_it_runs_right_behind_the_task_that_gave_the_turn(lane, stepped):
    seen = []
    for name in ("another", "one more"):
        other = Lane(stepped, name)
        other.give_turn(Listening(name, seen.append))
    lane.give_turn(Listening("next", seen.append))
    stepped.step()
    assert seen == ["next"]


def test_others_have_their_turns_before_a_lane_with_much_to_do_goes_on(lane, stepped):
    seen, other = [], Lane(stepped)

    def call(name):
        seen.append(name)
        if len(seen) == 1:
            other.give_turn(Listening("other", seen.append))

    for _ in range(200):
        lane.give_turn(Listening("much", call))
    stepped.run()
    assert len(seen) == 201
    assert seen.index("other") < 100


def test_it_knows_whether_one_of_its_functions_is_the_caller(lane, stepped):
    other, seen = Lane(stepped), []
    lane.give_turn(Listening("name", lambda _name: seen.append((lane.is_current, other.is_current))))
    stepped.run()
    assert (seen, lane.is_current) == ([(True, False)], False)


def test_a_turn_that_is_given_in_a_turn_is_taken_behind_the_others(lane, stepped):
    seen = []

    def call(name):
        seen.append(name)
        if name == "first":
            lane.give_turn(Listening("given in a turn", seen.append))

    lane.give_turn(Listening("first", call))
    lane.give_turn(Listening("second", seen.append))
    stepped.run()
    assert seen == ["first", "second", "given in a turn"]


@pytest.mark.parametrize("error", [ZeroDivisionError, MemoryError, SystemExit, KeyboardInterrupt])
def test_a_turn_that_fails_costs_no_other(lane, stepped, caplog, error):
    seen = []

    def fail(_name):
        raise error

    lane.give_turn(Listening("fails", fail))
    lane.give_turn(Listening("behind", seen.append))
    stepped.run()
    assert seen == ["behind"]
    assert [record.levelname for record in caplog.records] == ["ERROR"]


def test_after_close_no_call_begins_and_the_one_under_way_goes_on(lane, stepped):
    seen = []

    def call(name):
        lane.close()
        seen.append(name)

    lane.give_turn(Listening("under way", call))
    lane.give_turn(Listening("behind", seen.append))
    stepped.run()
    lane.give_turn(Listening("late", seen.append))
    stepped.run()
    assert (seen, lane.has_work) == (["under way"], False)


def test_each_call_that_begins_is_counted(lane, stepped):
    """By this the dispatcher knows a call that does not return from many quick ones."""
    seen = []
    for _ in range(3):
        lane.give_turn(Listening("name", lambda _name: seen.append(lane.steps)))
    stepped.run()
    assert seen == [1, 2, 3]


def test_one_that_always_has_something_to_do_does_not_grow(lane, stepped):
    sizes = []

    def call(_name):
        sizes.append(len(lane._waiting) + len(stepped.ready))
        if len(sizes) < 500:
            lane.give_turn(listener)

    listener = Listening("name", call)
    lane.give_turn(listener)
    stepped.run()
    assert (len(sizes), max(sizes) < 5) == (500, True)


def test_in_a_pool_a_call_that_blocks_holds_up_its_own_lane_alone_and_keeps_its_order(dispatcher):
    lane, other = Lane(dispatcher, "blocked"), Lane(dispatcher, "other")
    leave, inside, done, others = threading.Event(), [], Recorder(), Recorder()

    def call(number):
        inside.append(number)
        assert leave.wait(PATIENCE)
        assert inside.pop() == number, "one call at a time"
        done(number)

    for number in range(100):
        lane.give_turn(Listening(number, call))
        other.give_turn(Listening(number, others))
    assert others.wait(count=100) == list(range(100))
    assert done.seen == []
    leave.set()
    assert done.wait(count=100) == list(range(100))
