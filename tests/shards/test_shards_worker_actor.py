"""The worker actor, with a process that sends what the test wants."""

import logging
import signal
import threading
import time
from dataclasses import replace
from math import inf
from queue import SimpleQueue

import pykka
import pytest

from depthactors.actors.base import ChildFailed
from depthactors.actors.notifier import Notifier
from depthactors.actors.questions import Status
from depthactors.dispatcher.clock import SYSTEM_CLOCK
from depthactors.dispatcher.life import Life
from depthactors.errors import (
    BusyError,
    LifecycleError,
    LineError,
    UsageError,
    WorkerDiedError,
    WorkerStartError,
    WorkerVersionError,
)
from depthactors.markets import SPOT
from depthactors.net.allowance import Allowance
from depthactors.net.settings import NetworkSettings
from depthactors.pacing import USUAL
from depthactors.shards import signs_of_life
from depthactors.shards.channel import pickled
from depthactors.shards.gathering import Shards
from depthactors.shards.messages import (
    Alive,
    AllowanceCall,
    Answer,
    Begin,
    BookQuestion,
    BooksUpdated,
    ErrorReport,
    LogReport,
)
from depthactors.shards.orders import Ask, Send
from depthactors.shards.routes import Routes
from depthactors.shards.worker_actor import WorkerActor
from tests.shards.shard_support import PATIENCE, Silent, end
from tests.support import Recorder, SetClock, until


class FakeProcess:
    """A process that is this one: it sends what the test wants, and records what it is sent."""

    last: "FakeProcess"

    def __init__(self, name):
        self.name = name
        self.pid = 4711
        self.status = None
        self.sent = SimpleQueue()
        self.ended = threading.Event()
        self.receiver = Life(name)
        FakeProcess.last = self

    def start(self, on_message, on_end):
        self._on_message, self._on_end = on_message, on_end
        return self.receiver

    def send(self, message):
        pickled(message)
        self.sent.put(message)

    def received(self):
        return self.sent.get(timeout=PATIENCE)

    def says(self, message):
        try:
            self._on_message(message)
        except Exception as error:  # noqa: BLE001 - as a process of the package does
            self.end(error)

    def end(self, error):
        self._on_end(error)

    def stop(self, timeout):
        self.timeout = timeout
        self._over()
        return True

    def abort(self):
        self.status = -signal.SIGKILL
        self._over()

    def _over(self):
        self.ended.set()
        self.receiver.end()

    def close(self):
        assert self.ended.is_set()


class Scene:
    def __init__(self, folder, dispatcher, **timing):
        settings = NetworkSettings(timing=replace(USUAL, **timing))
        self.told, self.errors = Recorder(), Recorder()
        self.parent = Silent.start(self.told, dispatcher)
        self.notifier = Notifier(dispatcher, self.errors)
        self.allowance = Allowance(100, 10, SetClock(20.0))
        self.ref = WorkerActor.start(
            "worker-1",
            self.parent,
            settings=settings,
            folder=folder.path,
            routes=Routes(self.notifier),
            new_process=FakeProcess,
            allowance_of={SPOT: self.allowance}.get,
        )
        assert self.ref.ask(Status(), timeout=PATIENCE).pid == 4711
        self.process = FakeProcess.last
        self.says = self.process.says
        self.begin = self.process.received()

    def ask(self, request=lambda number: BookQuestion(number, 1, "how are you")):
        future = pykka.ThreadingFuture()
        self.ref.tell(Ask(request, future))
        return future

    def hears(self, cpu):
        """Wait until a sign of life with this processor time was heard."""
        until(lambda: self.ref.ask(Status(), timeout=PATIENCE).cpu == cpu)

    def died(self):
        return self.told.wait_for(lambda each: isinstance(each, ChildFailed), PATIENCE).error

    def stop(self):
        end(self.ref)
        end(self.parent)
        self.notifier.close()
        self.notifier.abort()


def test_a_process_that_cannot_be_started_is_the_systems_fault_and_not_a_death(folder, dispatcher):
    told = Recorder()
    parent = Silent.start(told, dispatcher)

    def new_process(_name):
        raise OSError(24, "Too many open files")

    WorkerActor.start(
        "worker-1",
        parent,
        settings=NetworkSettings(),
        folder=folder.path,
        routes=Routes(None),
        new_process=new_process,
        allowance_of={}.get,
    )
    error = told.wait_for(lambda each: isinstance(each, ChildFailed), PATIENCE).error
    end(parent)
    assert type(error) is WorkerStartError
    assert str(error) == "worker-1 could not be started: [Errno 24] Too many open files"


@pytest.fixture
def timing():
    """Return the durations that are not as in programs."""
    return {}


@pytest.fixture
def scene(folder, dispatcher, timing):
    scene = Scene(folder, dispatcher, **timing)
    yield scene
    scene.stop()


def test_it_begins_sends_asks_and_ends_in_order(scene, folder):
    assert isinstance(scene.begin, Begin)
    assert (scene.begin.name, scene.begin.folder) == ("worker-1", str(folder.path))
    scene.ref.tell(Send("do this"))
    future = scene.ask()
    assert scene.process.received() == "do this"
    question = scene.process.received()
    scene.says(Answer(question.request_id, "well"))
    assert future.get(timeout=PATIENCE) == "well"
    failing = scene.ask()
    scene.says(Answer(scene.process.received().request_id, error=UsageError("no")))
    with pytest.raises(UsageError, match="no"):
        failing.get(timeout=PATIENCE)
    refused = scene.ask()
    scene.says(Answer(scene.process.received().request_id, error=BusyError("later")))
    with pytest.raises(BusyError):
        refused.get(timeout=PATIENCE)
    assert scene.ref.ask(Status(), timeout=PATIENCE).refused == 1
    scene.says(Alive(0.5))
    scene.hears(0.5)
    end(scene.ref)
    assert scene.process.ended.is_set()
    assert scene.process.status is None, "it ends by itself"


@pytest.mark.parametrize(("left", "least", "most"), [(inf, 3.0, 3.0), (2.0, 1.0, 1.6), (-1.0, 0.0, 0.0)])
def test_a_process_is_killed_before_the_stop_of_its_engine_is_over(scene, dispatcher, left, least, most):
    scene.says(Alive(1.0))
    scene.hears(1.0)
    dispatcher.ends_by = dispatcher.monotonic() + left
    end(scene.ref)
    assert least <= scene.process.timeout <= most


def test_a_process_that_is_still_being_loaded_is_not_waited_for(scene):
    end(scene.ref)
    assert scene.process.status == -signal.SIGKILL


def test_each_message_of_the_process_is_handled(scene):
    scene.says(Alive(1.5))
    scene.hears(1.5)
    scene.says(AllowanceCall(9, SPOT, "take_weight", (10,)))
    answer = scene.process.received()
    assert (answer.request_id, answer.value, scene.allowance.level().used) == (9, 0.0, 10)
    scene.says(BooksUpdated((1, 2, 3)))
    scene.says(ErrorReport(UsageError("of no book")))
    assert str(scene.errors.wait_for(lambda _each: True).args[0]) == "of no book"


def test_a_process_of_another_version_is_killed_and_the_error_names_it(scene):
    scene.process.end(WorkerVersionError("expected a process of 1.0, was one of 9.8.7"))
    error = scene.died()
    assert type(error) is WorkerVersionError
    assert str(error) == "worker-1 (process 4711): expected a process of 1.0, was one of 9.8.7"
    assert scene.process.status == -signal.SIGKILL


def test_the_end_of_the_process_is_the_death_of_the_actor_and_answers_all_requests(scene):
    future = scene.ask()
    scene.process.received()
    scene.process.end(LineError("the other process is gone"))
    error = scene.died()
    assert isinstance(error, WorkerDiedError)
    assert str(error).startswith("worker-1 (process 4711, signal 9): the other process is gone")
    with pytest.raises(pykka.ActorDeadError):
        future.get(timeout=PATIENCE)


def test_a_request_to_a_dying_actor_is_answered_at_once(scene):
    # Frozen in sending, with a question behind that.
    entered, go_on = threading.Event(), threading.Event()

    class Freezing:
        def __reduce__(self):
            entered.set()
            go_on.wait(PATIENCE)
            return (str, ())

    scene.ref.tell(Send(Freezing()))
    assert entered.wait(PATIENCE)
    scene.process.end(LineError("gone"))
    future = scene.ask()
    go_on.set()
    with pytest.raises(pykka.ActorDeadError):
        future.get(timeout=PATIENCE)


def test_a_message_that_cannot_be_handled_is_the_end_of_the_process(scene):
    scene.says(AllowanceCall(0, SPOT, "no_such_method", ()))
    error = scene.died()
    assert isinstance(error, WorkerDiedError)
    assert "could not be handled: AttributeError: " in str(error)
    assert scene.process.ended.is_set()


@pytest.mark.parametrize("timing", [{"worker_silence": 0.2, "worker_look": 0.05}])
def test_silence_is_death(scene):
    scene.says(Alive(0.0))
    error = scene.died()
    assert "it gave no sign of life for" in str(error)
    assert scene.process.ended.is_set()


@pytest.mark.parametrize("timing", [{"worker_look": 0.01}])
def test_a_process_that_is_late_to_begin_is_said_to_be_why_there_is_no_data_and_then_to_work(
    scene, monkeypatch, caplog
):
    monkeypatch.setattr(signs_of_life, "_START_LATE", 0.0)
    caplog.set_level(logging.INFO)
    until(lambda: "worker-1 (process 4711) does not work yet after 0 s, so its books have no data" in caplog.messages)
    scene.says(Alive(1.0))
    until(lambda: "worker-1 works" in caplog.messages)


@pytest.mark.parametrize("timing", [{"worker_look": 0.01}])
def test_a_log_handler_that_blocks_does_not_delay_other_messages(scene):
    class Blocking(logging.Handler):
        def emit(self, _record):
            entered.set()
            go_on.wait(PATIENCE)

    entered, go_on = threading.Event(), threading.Event()
    handler, logger = Blocking(), logging.getLogger("depthactors.of_a_worker")
    logger.addHandler(handler)
    try:
        scene.says(LogReport(logging.LogRecord(logger.name, logging.ERROR, "", 1, "hello", None, None)))
        assert entered.wait(PATIENCE)
        scene.says(Alive(2.0))
        scene.hears(2.0)
    finally:
        go_on.set()
        logger.removeHandler(handler)


def test_a_log_handler_that_raises_ends_neither_actor_nor_process(scene):
    class Raising(logging.Handler):
        def emit(self, record):
            raise ValueError(record.msg)

    handler = Raising()
    logger = logging.getLogger("depthactors.of_a_worker")
    logger.addHandler(handler)
    try:
        scene.says(LogReport(logging.LogRecord(logger.name, logging.ERROR, "", 1, "hello", None, None)))
        scene.says(Alive(2.0))
        scene.hears(2.0)
    finally:
        logger.removeHandler(handler)


def test_other_messages_are_refused(scene):
    with pytest.raises(UsageError, match="expected a message for a worker"):
        scene.ref.ask("hello", timeout=PATIENCE)


def test_a_dead_worker_and_one_that_cannot_answer_have_no_row(scene):
    answered = threading.Thread(target=lambda: scene.says(Answer(_request(scene), error=LifecycleError("stuck"))))
    answered.start()
    status = Shards((), (scene.ref,), SYSTEM_CLOCK).gather(PATIENCE)
    answered.join(PATIENCE)
    assert [row.name for row in status.workers] == ["worker-1"]
    end(scene.ref)
    started = time.monotonic()
    assert Shards((), (scene.ref,), SYSTEM_CLOCK).gather(PATIENCE).workers == ()
    assert time.monotonic() - started < PATIENCE / 2


def _request(scene):
    return scene.process.received().request_id
