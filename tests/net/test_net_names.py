"""A resolver that hangs holds nobody for longer than his deadline, and no more than one thread a name."""

import contextlib
import os
import socket
import threading
import time

import pytest

from depthactors.errors import SnapshotError
from depthactors.markets import SPOT
from depthactors.net.deadline import Deadline
from depthactors.net.names import look_up
from tests.net.net_support import PATIENCE, connecting, rest_client

FOUND = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 1))]


class Resolver:
    """Answers when it is let go; an address is no name."""

    def __init__(self):
        self.asked, self.go = [], threading.Event()
        self.failure = None

    def __call__(self, host, *_, flags=0, **__):
        if flags & socket.AI_NUMERICHOST:
            raise socket.gaierror(socket.EAI_NONAME, "no address")
        self.asked.append(host)
        self.go.wait(2 * PATIENCE)
        if self.failure is not None:
            raise self.failure
        return FOUND


def looking():
    return [thread for thread in threading.enumerate() if thread.name.startswith("depthactors-look-up")]


@pytest.fixture
def resolver(monkeypatch):
    resolver = Resolver()
    monkeypatch.setattr(socket, "getaddrinfo", resolver)
    yield resolver
    resolver.go.set()
    for thread in looking():
        thread.join(PATIENCE)
    assert looking() == []


def test_an_address_takes_no_thread(monkeypatch):
    monkeypatch.setattr(threading, "Thread", None)
    assert look_up("127.0.0.1", 80, Deadline(1.0))[0][4] == ("127.0.0.1", 80)
    assert look_up("::1", 80, Deadline(1.0))[0][4][:2] == ("::1", 80)


def test_a_name(resolver):
    resolver.go.set()
    assert look_up("exchange.invalid", 80, Deadline(PATIENCE)) == FOUND
    assert look_up("exchange.invalid", 80, Deadline(PATIENCE)) == FOUND
    assert resolver.asked == ["exchange.invalid"] * 2, "an answer is kept for nobody"


@pytest.mark.parametrize(
    ("failure", "words"),
    [
        (
            socket.gaierror(-3, "Temporary failure in name resolution"),
            "looked up: Temporary failure in name resolution",
        ),
        (UnicodeError("label too long"), "expected the name of a host, was 'exchange.invalid'"),
        (MemoryError("no room"), "looked up: no room"),
        (OSError("no resolver"), "looked up: no resolver"),
    ],
    ids=repr,
)
def test_what_a_resolver_says_is_an_error_with_the_name(resolver, failure, words):
    resolver.failure = failure
    resolver.go.set()
    with pytest.raises(OSError, match="exchange") as caught:
        look_up("exchange.invalid", 80, Deadline(PATIENCE))
    assert words in str(caught.value)


def test_who_waits_gives_up_in_time_and_many_wait_for_one(resolver):
    failures = []

    def wait():
        with contextlib.suppress(OSError):
            try:
                look_up("exchange.invalid", 80, Deadline(0.1))
            except TimeoutError as error:
                failures.append(str(error))

    waiting = [threading.Thread(target=wait) for _ in range(20)]
    for thread in waiting:
        thread.start()
    for thread in waiting:
        thread.join(PATIENCE)
    assert failures == ["the name exchange.invalid could not be looked up in time"] * 20
    assert (resolver.asked, len(looking())) == (["exchange.invalid"], 1)
    resolver.go.set()
    for thread in looking():
        thread.join(PATIENCE)
    assert look_up("exchange.invalid", 80, Deadline(PATIENCE)) == FOUND


def test_a_request_whose_name_hangs_fails_within_the_time_to_connect(resolver):
    with contextlib.closing(rest_client(connect_timeout=0.2)) as rest:
        begun = time.monotonic()
        error = rest.fetch_depth(SPOT.at("http://exchange.invalid"), "BTCUSDT", 5).result
        assert time.monotonic() - begun < PATIENCE
    assert type(error) is SnapshotError
    assert "the name exchange.invalid could not be looked up in time" in str(error)


def test_a_stream_whose_name_hangs_ends_within_the_time_to_connect(resolver):
    with connecting(url="ws://exchange.invalid/", connect_timeout=0.2) as (_, client):
        assert "the name exchange.invalid could not be looked up in time" in client.end()


def test_a_short_look_in_vain_takes_no_time_from_the_next(resolver):
    with pytest.raises(TimeoutError):
        look_up("exchange.invalid", 80, Deadline(0.01))
    slow = threading.Timer(0.3, resolver.go.set)
    slow.start()
    try:
        assert look_up("exchange.invalid", 80, Deadline(PATIENCE)) == FOUND
    finally:
        slow.join()
    assert resolver.asked == ["exchange.invalid"]


def test_where_one_waited_in_vain_the_next_does_not_wait_as_long(resolver):
    with pytest.raises(TimeoutError):
        look_up("exchange.invalid", 80, Deadline(0.15))
    begun = time.monotonic()
    with pytest.raises(TimeoutError):
        look_up("exchange.invalid", 80, Deadline(10 * PATIENCE))
    assert time.monotonic() - begun < PATIENCE
    assert resolver.asked == ["exchange.invalid"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_fork_waits_for_no_thread_of_its_parent(resolver):
    with pytest.raises(TimeoutError):
        look_up("exchange.invalid", 80, Deadline(0.05))
    child = os.fork()
    if not child:
        resolver.go.set()
        os._exit(0 if look_up("exchange.invalid", 80, Deadline(PATIENCE)) == FOUND else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
