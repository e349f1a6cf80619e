"""An actor of a dispatcher: pykka's interface as documented, and a death that is noticed and harms nobody else."""

import pykka
import pytest

from depthactors.dispatcher.actor import DispatchedActor
from depthactors.dispatcher.mailbox import mailbox_of
from tests.stepped import SteppedDispatcher
from tests.support import PATIENCE


class Noting(DispatchedActor):
    """Notes its hooks and messages; raises what it is sent, and at its start and end what it was given."""

    def __init__(self, dispatcher, log, name=None, *, at_start=None, at_end=None):
        super().__init__(dispatcher, name)
        self.log, self._at_start, self._at_end = log, at_start, at_end

    def on_start(self):
        self.log.append("start")
        if self._at_start is not None:
            raise self._at_start

    def on_receive(self, message):
        self.log.append(message)
        if isinstance(message, BaseException):
            raise message
        if message == "stop":
            self.stop()
        return message

    def on_stop(self):
        self.log.append("stopped")
        if self._at_end is not None:
            raise self._at_end

    def on_failure(self, exception_type, exception_value, traceback):
        self.log.append(("failed", exception_type, exception_value, traceback is not None))
        if self._at_end is not None:
            raise self._at_end

    def ended(self):
        self.log.append("ended")

    def refuse(self, message, error):
        self.log.append(("refused", message, type(error)))


class Counting(DispatchedActor):
    """An actor for a proxy."""

    def __init__(self, dispatcher):
        super().__init__(dispatcher)
        self.count = 0

    def add(self, number):
        self.count += number
        return self.count


@pytest.fixture
def stepped():
    return SteppedDispatcher()


@pytest.fixture
def log():
    return []


@pytest.fixture
def start(stepped, log):
    """Return a function that starts an actor which the test has to run; each is dead after the test."""
    refs = []

    def start(**options):
        refs.append(Noting.start(stepped, log, **options))
        return refs[-1]

    yield start
    for ref in refs:
        if ref.is_alive():
            ref.stop(block=False)
    stepped.run()
    assert not any(ref in pykka.ActorRegistry.get_all() for ref in refs)


def raising(error):
    return [ZeroDivisionError(error), MemoryError(error), SystemExit(error), KeyboardInterrupt(error)]


def test_it_begins_before_its_first_message_and_in_the_dispatchers_turn(start, stepped, log):
    ref = start()
    assert (log, ref.is_alive(), ref in pykka.ActorRegistry.get_all()) == ([], True, True)
    ref.tell("first")
    ref.tell("second")
    stepped.run()
    assert log == ["start", "first", "second"]


def test_its_name_is_that_of_its_class_or_the_one_it_is_given(start):
    assert mailbox_of(start()).name == "Noting"
    assert mailbox_of(start(name="book-BTCUSDT")).name == "book-BTCUSDT"


def test_a_stopped_one_handles_what_came_before_and_refuses_what_comes_after(start, stepped, log):
    ref = start()
    ref.tell("before")
    stopped = ref.stop(block=False)
    answer = ref.ask("question", block=False)
    ref.tell("after")
    life = mailbox_of(ref).life
    stepped.run()
    refused = [("refused", message, pykka.ActorDeadError) for message in ("question", "after")]
    assert log == ["start", "before", "stopped", *refused, "ended"]
    assert (stopped.get(timeout=0), life.is_alive(), ref.is_alive()) == (True, False, False)
    assert ref not in pykka.ActorRegistry.get_all()
    with pytest.raises(pykka.ActorDeadError, match="Noting ended before it handled str"):
        answer.get(timeout=0)
    with pytest.raises(pykka.ActorDeadError):
        ref.tell("too late")


def test_a_second_stop_is_answered_too(start, stepped):
    ref = start()
    stops = [ref.stop(block=False) for _ in range(2)]
    stepped.run()
    for stop in stops:
        stop.get(timeout=0)


def test_it_may_stop_itself(start, stepped, log):
    ref = start()
    ref.tell("stop")
    stepped.run()
    assert log == ["start", "stop", "stopped", "ended"]
    assert not ref.is_alive()


@pytest.mark.parametrize("error", raising("in a tell"), ids=type)
def test_what_a_tell_raises_is_the_death_of_this_actor_alone(start, stepped, log, error):
    ref, other = start(), start()
    stepped.run()
    ref.tell(error)
    ref.tell("too late")
    stepped.run()
    assert log[2:] == [
        error,
        ("failed", type(error), error, True),
        ("refused", "too late", pykka.ActorDeadError),
        "ended",
    ]
    assert (mailbox_of(ref).death, ref.is_alive(), mailbox_of(ref).life.is_alive()) == (error, False, False)
    assert (mailbox_of(other).death, other.is_alive()) == (None, True)


@pytest.mark.parametrize("error", raising("in an ask"), ids=type)
def test_what_an_ask_raises_goes_to_the_caller_and_the_actor_lives(start, stepped, log, error):
    ref = start()
    failed, answered = ref.ask(error, block=False), ref.ask("alive", block=False)
    stepped.run()
    with pytest.raises(type(error), match="in an ask"):
        failed.get(timeout=0)
    assert answered.get(timeout=0) == "alive"
    assert (log, mailbox_of(ref).death) == (["start", error, "alive"], None)


@pytest.mark.parametrize("error", raising("at the start"), ids=type)
def test_a_failure_at_the_start_is_a_death_like_any_other(start, stepped, log, error):
    ref = start(at_start=error)
    ref.tell("too late")
    stepped.run()
    assert log == [
        "start",
        ("failed", type(error), error, True),
        ("refused", "too late", pykka.ActorDeadError),
        "ended",
    ]
    assert mailbox_of(ref).death is error


@pytest.mark.parametrize("error", raising("at the end"), ids=type)
@pytest.mark.parametrize("end", ["stop", "death"])
def test_what_the_end_raises_is_logged_and_it_ends_all_the_same(start, stepped, log, caplog, error, end):
    ref, cause = start(at_end=error), OSError("the cause")
    life = mailbox_of(ref).life
    if end == "stop":
        ref.stop(block=False)
    else:
        ref.tell(cause)
    stepped.run()
    assert (log[-1], life.is_alive(), ref.is_alive()) == ("ended", False, False)
    assert mailbox_of(ref).death is (None if end == "stop" else cause)
    assert "could not give back all that it held" in caplog.text


def test_a_proxy_works_as_pykka_documents(dispatcher):
    proxy = Counting.start(dispatcher).proxy()
    assert proxy.add(2).get(timeout=PATIENCE) == 2
    proxy.count = 40
    assert proxy.add(2).get(timeout=PATIENCE) == proxy.count.get(timeout=PATIENCE) == 42
    proxy.stop().get(timeout=PATIENCE)
    with pytest.raises(pykka.ActorDeadError):
        proxy.add(1).get(timeout=PATIENCE)


def test_its_life_is_over_when_a_stop_was_waited_for_and_joined(dispatcher, log):
    ref = Noting.start(dispatcher, log)
    assert ref.ask("alive", timeout=PATIENCE) == "alive"
    ref.stop(timeout=PATIENCE)
    mailbox_of(ref).life.join(PATIENCE)
    assert log == ["start", "alive", "stopped", "ended"]


def test_it_may_be_sent_messages_in_its_own_turn(dispatcher, log):
    class Echo(Noting):
        def on_receive(self, message):
            if message > 0:
                self.actor_ref.tell(message - 1)
            return super().on_receive(message)

    ref = Echo.start(dispatcher, log)
    ref.tell(3)
    ref.tell(0)
    ref.stop(timeout=PATIENCE)
    assert log[:3] == ["start", 3, 0]


def test_the_registry_finds_them_and_stops_the_last_one_first(dispatcher, log):
    class Last(Noting):
        def on_stop(self):
            log.append(self.name)

    refs = [Last.start(dispatcher, log, name) for name in "abc"]
    assert pykka.ActorRegistry.get_by_class(Last) == refs
    assert pykka.ActorRegistry.get_by_urn(refs[1].actor_urn) is refs[1]
    pykka.ActorRegistry.broadcast("to all", target_class=Last)
    assert all(ref.stop(timeout=PATIENCE) for ref in reversed(pykka.ActorRegistry.get_by_class(Last)))
    assert [each for each in log if each in {"a", "b", "c"}] == ["c", "b", "a"]
    assert log.count("to all") == 3
    assert not any(ref.stop(timeout=PATIENCE) for ref in refs)


def test_a_proxy_reaches_the_attributes_of_what_an_actor_holds(dispatcher):
    class Inner:
        value = 1

        def doubled(self):
            return 2 * self.value

    class Holding(DispatchedActor):
        def __init__(self, dispatcher):
            super().__init__(dispatcher)
            self.inner = pykka.traversable(Inner())

    proxy = Holding.start(dispatcher).proxy()
    proxy.inner.value = 21
    assert proxy.inner.doubled().get(timeout=PATIENCE) == 42
    assert proxy.inner.value.get(timeout=PATIENCE) == 21
    proxy.stop().get(timeout=PATIENCE)
