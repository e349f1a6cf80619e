from tests.sim.scheduler import BEGINNING, HeapScheduler


def test_actions_are_called_at_their_time_and_equal_times_in_order():
    scheduler, calls = HeapScheduler(), []

    def call(name):
        return lambda: calls.append((name, scheduler.monotonic()))

    for name, seconds in (("late", 2.0), ("one", 1.0), ("two", 1.0), ("never", 5.1), ("now", -1.0)):
        scheduler.after(seconds, call(name))
    scheduler.after(1.0, lambda: scheduler.after(0.5, call("of an action")))
    scheduler.advance(5.0)
    assert calls == [("now", 0.0), ("one", 1.0), ("two", 1.0), ("of an action", 1.5), ("late", 2.0)]
    assert (scheduler.monotonic(), scheduler.time(), scheduler.steps) == (5.0, BEGINNING + 5.0, 6)
