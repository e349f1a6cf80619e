"""Timers: in the order of their times, and of equal times in the order in which they were set."""

from math import inf

from hypothesis import given
from hypothesis import strategies as st

from depthactors.dispatcher.timers import Timers


def test_without_a_timer_nothing_is_due():
    timers = Timers()
    assert (len(timers), timers.next_at, list(timers.due(inf))) == (0, inf, [])


def test_what_is_due_is_given_once_with_its_target():
    timers = Timers()
    timers.add(2.0, "a", "second")
    timers.add(1.0, "b", "first")
    timers.add(3.0, "a", "third")
    assert (len(timers), timers.next_at) == (3, 1.0)
    assert list(timers.due(0.5)) == []
    assert list(timers.due(2.0)) == [("b", "first"), ("a", "second")]
    assert list(timers.due(2.0)) == []
    assert (len(timers), timers.next_at) == (1, 3.0)


def test_targets_and_messages_need_not_be_comparable():
    timers = Timers()
    messages = [object() for _ in range(20)]
    for message in messages:
        timers.add(1.0, object(), message)
    assert [message for _, message in timers.due(1.0)] == messages


def test_a_timer_that_is_set_while_those_due_are_given_is_given_too_if_it_is_due():
    timers, given_out = Timers(), []
    timers.add(1.0, None, 3)
    for _, left in timers.due(2.0):
        given_out.append(left)
        if left:
            timers.add(1.5, None, left - 1)
    assert given_out == [3, 2, 1, 0]


@given(st.lists(st.tuples(st.sampled_from(["set", "look"]), st.integers(0, 20)), max_size=100))
def test_in_any_order_each_comes_at_the_first_look_at_or_after_its_time(steps):
    timers, waiting = Timers(), []
    for number, (step, at) in enumerate(steps):
        if step == "set":
            timers.add(float(at), None, number)
            waiting.append((at, number))
        else:
            due = sorted(each for each in waiting if each[0] <= at)
            waiting = [each for each in waiting if each[0] > at]
            assert [message for _, message in timers.due(float(at))] == [message for _, message in due]
        assert len(timers) == len(waiting)
        assert timers.next_at == min((at for at, _ in waiting), default=inf)
