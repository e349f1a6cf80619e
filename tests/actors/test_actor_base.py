"""What every actor does when its handler raises, and what its host program's actors notice of it: nothing."""

import threading

import pykka
import pytest

from depthactors import markets
from depthactors.actors.base import ChildFailed, EngineActor
from depthactors.actors.cell import Listener
from depthactors.actors.notifier import Notifier
from depthactors.actors.questions import Status
from depthactors.actors.socket_messages import FrameRejected
from depthactors.actors.supervisor import Supervisor
from depthactors.actors.supervisor_messages import OpenBooks
from depthactors.book import BookState
from depthactors.dispatcher.mailbox import TURN_LIMIT, Frames, mailbox_of, tell
from depthactors.errors import EscalatedError, ExchangeError, LifecycleError
from depthactors.net.network import SocketNetwork
from depthactors.net.settings import NetworkSettings
from tests.actors.actor_support import Host, Probe, hold, join, spec
from tests.support import Recorder, until

BASE_EXCEPTIONS = [SystemExit, KeyboardInterrupt, GeneratorExit]


class Child(EngineActor):
    """Raises the exception that it is sent, and records when it is released."""

    def __init__(self, parent, released, on_release=None, dispatcher=None):
        super().__init__("child", parent, dispatcher)
        self._released = released
        self._on_release = on_release

    def handle(self, message):
        if isinstance(message, BaseException):
            raise message
        return message

    def release(self, error):
        self._released(error)
        if self._on_release is not None:
            raise self._on_release


@pytest.fixture
def parent(actors):
    return actors.probe(name="parent")


@pytest.fixture
def released():
    return Recorder()


@pytest.fixture
def child(actors, parent, released):
    return actors.start(Child, parent[0], released)


def test_an_exception_in_a_tell_kills_the_actor_and_is_reported_to_its_parent_once(child, parent, released):
    error = ZeroDivisionError("in a handler")
    child.tell(error)
    failed = parent[1].wait_one(ChildFailed)
    assert (failed.name, failed.ref, failed.error) == ("child", child, error)
    join(child)
    assert not child.is_alive()
    assert (released.seen, len(parent[1].seen)) == ([error], 1)


@pytest.mark.parametrize("kind", BASE_EXCEPTIONS)
def test_a_base_exception_in_a_tell_kills_only_the_actor_that_raised_it(actors, child, parent, kind):
    host = actors.start(Host)
    child.tell(kind())
    failed = parent[1].wait_one(ChildFailed)
    assert isinstance(failed.error, LifecycleError)
    assert kind.__name__ in str(failed.error)
    assert isinstance(failed.error.__cause__, kind)
    join(child)
    assert host.ask("still there?", timeout=5) == "still there?"
    assert parent[0].is_alive()


@pytest.mark.parametrize("error", [ZeroDivisionError("asked for"), LifecycleError("asked for")], ids=type)
def test_an_exception_in_an_ask_goes_to_the_caller_and_the_actor_lives(child, parent, released, error):
    with pytest.raises(type(error), match="asked for"):
        child.ask(error, timeout=5)
    assert child.ask("alive", timeout=5) == "alive"
    assert (parent[1].seen, released.seen) == ([], [])


@pytest.mark.parametrize("kind", BASE_EXCEPTIONS)
def test_a_base_exception_in_an_ask_goes_to_the_caller_as_a_typed_error(actors, child, kind):
    host = actors.start(Host)
    with pytest.raises(LifecycleError, match=kind.__name__):
        child.ask(kind(), timeout=5)
    assert child.ask("alive", timeout=5) == "alive"
    assert host.ask("alive", timeout=5) == "alive"


def test_a_stopped_actor_is_released_without_an_error_and_its_parent_is_not_notified(child, parent, released):
    child.stop(timeout=5)
    join(child)
    assert (released.seen, parent[1].seen) == ([None], [])


def test_a_death_is_reported_even_if_the_release_raises_too(actors, parent, released):
    child = actors.start(Child, parent[0], released, OSError("release"))
    error = ZeroDivisionError("handler")
    child.tell(error)
    assert parent[1].wait_one(ChildFailed).error is error
    join(child)


def test_pykka_knows_an_actor_until_it_ends(child):
    assert child in pykka.ActorRegistry.get_all()
    child.stop(timeout=5)
    assert child not in pykka.ActorRegistry.get_all()


def test_a_parents_mailbox_knows_a_child_until_it_ends(child, parent):
    assert mailbox_of(parent[0]).children == {child: None}
    child.stop(timeout=5)
    join(child)
    assert mailbox_of(parent[0]).children == {}


def test_an_actor_without_a_parent_dies_alone(actors, released):
    host = actors.start(Host)
    orphan = actors.start(Child, None, released, dispatcher=actors.dispatcher)
    orphan.tell(ZeroDivisionError())
    join(orphan)
    assert host.ask(1, timeout=5) == 1


def test_an_actor_with_a_parent_runs_in_the_threads_of_the_parents_dispatcher(actors, child, parent):
    threads = Recorder()
    ref = actors.start(Probe, actors.dispatcher, lambda _message: threads(threading.current_thread()))
    ref.tell("where?")
    thread = threads.wait_one()
    assert (thread in actors.dispatcher.threads, thread.daemon) == (True, True)
    assert mailbox_of(child).dispatcher is mailbox_of(parent[0]).dispatcher is actors.dispatcher


def test_tell_returns_whether_the_actor_was_alive(actors):
    probe, record = actors.probe()
    assert tell(probe, "news") is True
    assert record.wait_one() == "news"
    probe.stop(timeout=5)
    assert tell(probe, "late news") is False
    with pytest.raises(pykka.ActorDeadError):
        probe.tell("late news")


# Callbacks of the user that no book calls.


def supervise(actors, on_error=None):
    """Start a supervisor and a book of it, at an address where nobody listens; returns it and the book's cell."""
    settings, notifier = NetworkSettings(), Notifier(actors.dispatcher, on_error)
    supervisor = actors.start(Supervisor, actors.dispatcher, settings, notifier, SocketNetwork(settings))
    (cell,) = supervisor.ask(OpenBooks((spec(markets.SPOT.at("http://127.0.0.1:1")),)), timeout=5)
    return supervisor, cell


@pytest.mark.parametrize("kind", [ZeroDivisionError, SystemExit, KeyboardInterrupt])
def test_a_raising_on_error_does_not_end_the_supervisor(actors, kind):
    called = Recorder()

    def broken(error):
        called(error)
        raise kind

    supervisor, cell = supervise(actors, broken)
    error = ExchangeError("news")
    supervisor.tell(FrameRejected(1, error))
    assert called.wait_one() is error
    assert supervisor.ask(Status(), timeout=2).cells == (cell,)


@pytest.mark.parametrize("kind", [ZeroDivisionError, SystemExit])
def test_a_listener_that_raises_at_the_end_of_its_book_does_not_end_the_supervisor(actors, kind):
    def broken(event):
        if event.state is BookState.FAILED:
            raise kind

    supervisor, cell = supervise(actors)
    cell.add(Listener(None, broken))
    for restarts in range(1, 6):
        cell.ref.tell(object())
        until(lambda restarts=restarts: cell.restarts == restarts and cell.ref.is_alive())
    cell.ref.tell(object())
    until(lambda: cell.state is BookState.FAILED)
    assert supervisor.ask(Status(), timeout=2).cells == (cell,)


@pytest.mark.parametrize("broken", [False, True], ids=["the callback returns", "the callback raises"])
def test_a_dead_supervisor_is_reported_and_its_children_stop(actors, broken):
    errors = Recorder()

    def on_error(error):
        errors(error)
        if broken:
            raise SystemExit

    host = actors.start(Host)
    supervisor, cell = supervise(actors, on_error)
    found = supervisor.ask(Status(), timeout=5)
    supervisor.tell(object())
    assert isinstance(errors.wait_one(), EscalatedError)
    for ref in (cell.ref, *found.sockets, *found.pools):
        join(ref, 2)
    assert host.ask("alive", timeout=5) == "alive"


class Stillborn(Child):
    """Raises before its first message."""

    def __init__(self, parent, released, error):
        super().__init__(parent, released)
        self._error = error

    def begin(self):
        raise self._error


@pytest.mark.parametrize("error", [ZeroDivisionError(), MemoryError(), SystemExit(), KeyboardInterrupt()], ids=type)
def test_a_failure_at_the_start_is_a_death_like_any_other(actors, parent, released, error):
    host = actors.start(Host)
    child = actors.start(Stillborn, parent[0], released, error)
    failed = parent[1].wait_one(ChildFailed)
    assert (failed.ref, failed.error, released.wait_one(BaseException)) == (child, error, error)
    join(child)
    assert not child.is_alive()
    with pytest.raises(pykka.ActorDeadError):
        child.ask("anybody?", timeout=5)
    assert host.ask("still there?", timeout=5) == "still there?"


@pytest.mark.parametrize("kind", [OSError, *BASE_EXCEPTIONS])
def test_an_exception_of_a_release_goes_no_further_and_the_death_is_reported(actors, parent, released, kind):
    host = actors.start(Host)
    for end in (lambda ref: ref.tell(ZeroDivisionError("handler")), lambda ref: ref.stop(block=False)):
        child = actors.start(Child, parent[0], released, kind("release"))
        end(child)
        join(child)
        assert not child.is_alive()
    assert type(parent[1].wait_one(ChildFailed).error) is ZeroDivisionError
    assert len(parent[1].seen) == 1
    assert host.ask("still there?", timeout=5) == "still there?"


@pytest.mark.parametrize("error", [MemoryError("none left"), KeyboardInterrupt()], ids=["Exception", "BaseException"])
def test_an_exception_between_two_messages_is_a_death_like_any_other(monkeypatch, child, parent, released, error):
    let_go = hold(parent[0])

    def fail(*_):
        raise error

    assert child.ask("the last", timeout=5) == "the last"
    # It is raised before the actor has the message: in the mailbox, and not in the handler.
    monkeypatch.setattr(mailbox_of(child), "_split", fail)
    mailbox_of(child).put_frames(Frames(1, [b"x"] * (TURN_LIMIT + 1), 0.0))
    let_go()
    failed = parent[1].wait_one(ChildFailed)
    assert (failed.ref, failed.error) == (child, error)
    join(child)
    assert (released.seen, child.is_alive()) == ([error], False)
    with pytest.raises(pykka.ActorDeadError):
        child.ask("too late", timeout=5)
