"""A few threads run all tasks: in order, one thread in each, and nobody waits for a task that blocks."""

import ctypes
import threading
from collections import deque

import pytest

from depthactors.dispatcher import pooled, queue_watch
from depthactors.dispatcher.actor import DispatchedActor
from depthactors.dispatcher.lane import Lane
from depthactors.dispatcher.mailbox import mailbox_of
from depthactors.dispatcher.pooled import PooledDispatcher
from depthactors.dispatcher.task import Task
from depthactors.errors import LifecycleError
from tests.support import Recorder, until


class Counting(Task):
    """Does `work` for each thing that is put, one a turn, and notes if two threads are in it."""

    def __init__(self, dispatcher, work=lambda _thing: None):
        super().__init__(dispatcher, "counting")
        self.done, self.things, self.inside, self.clashes = [], deque(), 0, 0
        self.errors = []
        self._work = work

    def give(self, thing):
        self.things.append(thing)
        self.schedule()

    @property
    def has_work(self):
        return bool(self.things)

    def take_turn(self):
        self.steps += 1
        self.inside += 1
        self.clashes += self.inside != 1
        try:
            thing = self.things.popleft()
            self._work(thing)
            self.done.append(thing)
        finally:
            self.inside -= 1

    def fail(self, error):
        self.errors.append(error)


class Calls:
    """A listener that calls a function at each turn."""

    def __init__(self, function):
        self.take_turn = function


class Blocking:
    """Blocks whoever enters until the end of the test."""

    def __init__(self):
        self.leave, self.entered = threading.Event(), []

    def __call__(self, *_):
        self.entered.append(threading.get_ident())
        self.leave.wait(30)


@pytest.fixture
def blocking():
    blocking = Blocking()
    yield blocking
    blocking.leave.set()


def test_what_many_threads_put_is_done_once_by_one_thread_at_a_time_in_the_order_of_each(dispatcher):
    tasks = [Counting(dispatcher) for _ in range(5)]

    def give(name):
        for number in range(500):
            for task in tasks:
                task.give((name, number))

    threads = [threading.Thread(target=give, args=(name,)) for name in "abc"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    until(lambda: all(len(task.done) == 1500 for task in tasks))
    for task in tasks:
        assert (task.clashes, task.errors) == (0, [])
        for name in "abc":
            assert [number for each, number in task.done if each == name] == list(range(500))
    assert dispatcher.most_threads == 1


def test_a_task_with_much_to_do_lets_the_others_have_their_turns(dispatcher, blocking):
    held, busy, other = Counting(dispatcher, blocking), Counting(dispatcher), Counting(dispatcher)
    held.give("first")
    until(lambda: blocking.entered)
    for number in range(100):
        busy.give(number)
    seen = []
    other._work = lambda _thing: seen.append(len(busy.done))
    other.give("now")
    blocking.leave.set()
    until(lambda: seen)
    assert seen[0] < 100


def test_an_exception_is_the_tasks_own_and_the_queue_goes_on(dispatcher):
    def work(thing):
        if thing == "bad":
            raise SystemExit

    task, other = Counting(dispatcher, work), Counting(dispatcher)
    task.give("bad")
    task.give("good")
    other.give("good")
    until(lambda: task.done == ["good"] == other.done)
    assert [type(error) for error in task.errors] == [SystemExit]


def test_a_lane_that_blocks_delays_nobody_and_keeps_a_thread_until_it_is_quick_again(dispatcher, blocking):
    lane, other, quick = Lane(dispatcher, "slow"), Counting(dispatcher), Recorder()
    lane.give_turn(Calls(blocking))
    until(lambda: blocking.entered)
    other.give("a")
    until(lambda: other.done == ["a"])
    until(lambda: (lane.is_slow, dispatcher.watch.takeovers, dispatcher.watch.false_takeovers) == (True, 1, 0))
    blocking.leave.set()
    threads = set()
    for number in range(pooled._QUICK_TURNS + 2):
        lane.give_turn(Calls(lambda number=number: (threads.add(threading.get_ident()), quick(number))))
        until(lambda number=number: number in quick.seen)
    until(lambda: not lane.is_slow)
    assert quick.seen == list(range(pooled._QUICK_TURNS + 2))
    assert dispatcher.most_threads <= 4, "not one for each turn"


def test_a_quick_lane_runs_right_behind_the_task_that_gave_it_a_turn_in_the_same_thread(dispatcher, blocking):
    order, held = [], Counting(dispatcher, blocking)
    lane = Lane(dispatcher, "lane")

    def give_turn(_thing):
        order.append(("task", threading.get_ident()))
        lane.give_turn(Calls(lambda: order.append(("lane", threading.get_ident()))))

    first, second = Counting(dispatcher, give_turn), Counting(dispatcher, lambda _: order.append(("other", 0)))
    held.give("hold")
    until(lambda: blocking.entered)
    first.give(1)
    second.give(1)
    blocking.leave.set()
    until(lambda: len(order) == 3)
    assert [name for name, _ in order] == ["task", "lane", "other"]
    assert order[0][1] == order[1][1]


def test_more_lanes_that_block_than_threads_leave_the_tasks_of_actors_alone(blocking):
    dispatcher = PooledDispatcher("bounded", most_slow=3)
    dispatcher.start()
    lanes, other = [Lane(dispatcher, str(number)) for number in range(8)], Counting(dispatcher)
    for number, lane in enumerate(lanes):
        lane.give_turn(Calls(blocking))
        other.give(number)
        until(lambda number=number: number in other.done)
    until(lambda: len(blocking.entered) == 3)
    for number in range(100, 200):
        other.give(number)
    until(lambda: len(other.done) == 108)
    assert (dispatcher.most_threads, len(blocking.entered)) == (4, 3)
    blocking.leave.set()
    until(lambda: len(blocking.entered) == 8)
    threads = dispatcher.threads
    dispatcher.close()
    for thread in threads:
        thread.join(10)
    assert not any(thread.is_alive() for thread in threads)


def test_an_actor_that_does_not_come_back_loses_the_queue_too(dispatcher, blocking):
    stuck, other = Counting(dispatcher, blocking), Counting(dispatcher)
    stuck.give("stuck")
    until(lambda: blocking.entered)
    stuck.give("later")
    other.give("on")
    until(lambda: other.done == ["on"])
    # Queued while another thread is in it: it is not run twice at once, and not forgotten.
    assert stuck.done == []
    blocking.leave.set()
    until(lambda: stuck.done == ["stuck", "later"])
    assert stuck.clashes == 0


class Asking(DispatchedActor):
    """Asks the next actor, within its own turn."""

    def __init__(self, dispatcher, following):
        super().__init__(dispatcher)
        self._following = following

    def on_receive(self, message):
        return 1 if self._following is None else 1 + self._following.ask(message, timeout=10)


def test_an_actor_that_waits_for_another_one_lets_it_run(dispatcher):
    ref = None
    for _ in range(10):
        ref = Asking.start(dispatcher, ref)
    assert ref.ask("how many?", timeout=10) == 10


@pytest.fixture
def full(blocking):
    """Return a dispatcher whose threads for slow lanes are all in one that blocks."""
    dispatcher = PooledDispatcher("full", most_slow=1)
    dispatcher.start()
    lane = Lane(dispatcher, "blocks")
    lane.give_turn(Calls(blocking))
    until(lambda: blocking.entered)
    # The lane loses the queue when somebody else is ready.
    Asking.start(dispatcher, None).ask("how many?", timeout=10)
    yield dispatcher
    blocking.leave.set()
    threads = dispatcher.threads
    dispatcher.close()
    for thread in threads:
        thread.join(10)
    assert not any(thread.is_alive() for thread in threads)


def test_actors_may_wait_where_callbacks_block_in_all_threads(full, blocking):
    ref = None
    for _ in range(10):
        ref = Asking.start(full, ref)
    assert ref.ask("how many?", timeout=10) == 10
    assert len(blocking.entered) == 1


def test_the_threads_of_actors_that_waited_end_and_run_no_callback(full, blocking):
    second = Lane(full, "blocks too")
    second.give_turn(Calls(blocking))
    for _ in range(10):
        assert Asking.start(full, Asking.start(full, None)).ask("how many?", timeout=10) == 2
    # One in the lane, one with the queue, and the watch.
    until(lambda: len(full.threads) == 3)
    assert len(blocking.entered) == 1


def test_a_callback_that_waits_where_the_system_has_no_thread_is_told_so(dispatcher, monkeypatch):
    told, ref, lane = Recorder(), Asking.start(dispatcher, None), Lane(dispatcher, "asks")

    def refuse(_thread, owner):
        msg = f"{owner}: its thread could not be started"
        raise LifecycleError(msg)

    def ask():
        try:
            told(ref.ask("how many?", timeout=10))
        except LifecycleError as error:
            told(str(error))

    with monkeypatch.context() as patch:
        patch.setattr(pooled, "start_thread", refuse)
        lane.give_turn(Calls(ask))
        told.wait_for(lambda words: "no thread is left that could go on while this callback waits" in str(words))
    lane.give_turn(Calls(ask))
    told.wait_for(lambda answer: answer == 1)
    ref.stop(timeout=10)


def test_a_slow_lane_that_found_no_thread_runs_as_soon_as_there_is_one(dispatcher, monkeypatch):
    monkeypatch.setattr(pooled, "_NO_THREAD_PAUSE", 0.01)
    lane, told, start, refused = Lane(dispatcher, "slow"), Recorder(), pooled.start_thread, threading.Event()

    def refuse_once(thread, owner):
        if refused.is_set():
            return start(thread, owner)
        refused.set()
        msg = f"{owner}: its thread could not be started"
        raise LifecycleError(msg)

    monkeypatch.setattr(pooled, "start_thread", refuse_once)
    lane.is_slow = True
    lane.give_turn(Calls(lambda: told("called")))
    told.wait_for(lambda words: words == "called")
    assert refused.is_set()


class Timed(DispatchedActor):
    """Notes the messages of its timers."""

    def __init__(self, dispatcher):
        super().__init__(dispatcher)
        self.seen = Recorder()

    def on_receive(self, message):
        if isinstance(message, dict):
            for words, seconds in message.items():
                self.mailbox.after(seconds, words)
            return self.seen
        self.seen(message)
        return None


def test_timers_are_due_in_their_order_also_one_that_is_set_while_the_queue_waits_for_another(dispatcher):
    ref = Timed.start(dispatcher)
    seen = ref.ask({"in an hour": 3600.0}, timeout=10)
    ref.ask({"third": 0.05, "first": 0.0, "second": 0.01}, timeout=10)
    seen.wait_for(lambda _: len(seen.seen) == 3)
    assert seen.seen == ["first", "second", "third"]
    ref.stop()


def test_a_thread_without_anything_to_do_ends(monkeypatch, blocking):
    monkeypatch.setattr(pooled, "_IDLE", 0.01)
    dispatcher = PooledDispatcher("idle")
    dispatcher.start()
    lane, other = Lane(dispatcher, "slow"), Counting(dispatcher)
    lane.give_turn(Calls(blocking))
    until(lambda: blocking.entered)
    other.give("a")
    until(lambda: other.done)
    until(lambda: len(dispatcher.threads) == 3)
    blocking.leave.set()
    until(lambda: len(dispatcher.threads) == 2)
    other.give("b")
    until(lambda: other.done == ["a", "b"])
    threads = dispatcher.threads
    dispatcher.close()
    for thread in threads:
        thread.join(10)
    assert not any(thread.is_alive() for thread in threads)


def test_what_waits_at_the_end_is_done_before_the_threads_end():
    dispatcher = PooledDispatcher("ending")
    dispatcher.start()
    leave = threading.Event()
    task = Counting(dispatcher, lambda _thing: leave.wait(10))
    for number in range(20):
        task.give(number)
    threads = dispatcher.threads
    dispatcher.close()
    leave.set()
    for thread in threads:
        thread.join(10)
    assert (task.done, any(thread.is_alive() for thread in threads)) == (list(range(20)), False)


def test_what_the_host_program_raises_in_the_thread_with_the_queue_loses_nothing(dispatcher):
    task = Counting(dispatcher)
    for number in range(200):
        ident = dispatcher._runner.thread.ident
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(ident), ctypes.py_object(KeyboardInterrupt))
        task.give(number)
        until(lambda number=number: number in task.done or task.errors)
        task.errors.clear()
    task.give("last")
    until(lambda: "last" in task.done)


def test_what_the_host_program_raises_in_the_watch_ends_no_watching(dispatcher, blocking, monkeypatch):
    monkeypatch.setattr(queue_watch, "_PAUSE", 0.01)
    ident = dispatcher.watch.thread.ident
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(ident), ctypes.py_object(KeyboardInterrupt))
    lane, other = Lane(dispatcher, "slow"), Counting(dispatcher)
    lane.give_turn(Calls(blocking))
    until(lambda: blocking.entered)
    other.give("a")
    until(lambda: other.done == ["a"])


def test_an_actor_with_many_messages_in_a_turn_is_not_taken_for_one_that_is_stuck(dispatcher):
    ref = Timed.start(dispatcher)
    ref.ask({}, timeout=10)
    before = mailbox_of(ref).steps
    for number in range(3):
        ref.tell(number)
    ref.ask({}, timeout=10)
    assert mailbox_of(ref).steps - before == 4
    ref.stop()


def test_a_system_without_a_thread_is_told_and_the_next_try_has_a_new_dispatcher(monkeypatch):
    def fail(_thread):
        msg = "can't start new thread"
        raise RuntimeError(msg)

    dispatcher = PooledDispatcher("none")
    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", fail)
        with pytest.raises(LifecycleError, match="can't start new thread"):
            dispatcher.start()
    assert not [thread for thread in dispatcher.threads if thread.is_alive()]


def test_the_timers_of_a_dead_actor_do_not_keep_its_mailbox(dispatcher):
    ref = Timed.start(dispatcher)
    ref.ask({"in an hour": 3600.0}, timeout=10)
    mailbox = mailbox_of(ref)
    ref.stop(timeout=10)
    until(lambda: not mailbox.life.is_alive())
    assert mailbox._timed.mailbox is None
