"""Whatever the other side does, it harms nobody but its own book, and that one tells no lies."""

import sys
import threading
import time
from contextlib import ExitStack, closing
from dataclasses import replace
from decimal import Decimal

import pytest

from depthactors import BookState, DepthEngine
from depthactors.exchange import LocalExchange
from depthactors.markets import SPOT
from depthactors.pacing import Timing
from tests.fuzz.hostile import Behaviour, HostileExchange
from tests.fuzz.hostile_rest import REST, millions_of_levels
from tests.fuzz.hostile_streams import STREAMS
from tests.soak.checker import Checker
from tests.soak.memory import rss_mb
from tests.support import comes_true, until

LEVELS = 20
LIVE = BookState.LIVE
SHORTEST, LONGEST = 0.4, 1.0
"""Seconds that a behaviour lasts, once it was played through and if it never is."""
MOST_MEMORY, MOST_MEMORY_OF_HEAVY = 60.0, 100.0
"""MB; a message of 4 MB is a hundred times as many objects while it is parsed, and the allocator keeps some of that."""
GROUPS: dict[str, list[Behaviour]] = {}
for each in STREAMS + REST:
    GROUPS.setdefault(each.group or each.name, []).append(each)
HEAVY = [group for group, behaviours in GROUPS.items() if any(behaviour.heavy for behaviour in behaviours)]


class Victim:
    """A book on a hostile exchange, and the lies that it told."""

    def __init__(self, engine, behaviour, server):
        self.behaviour, self.server = behaviour, server
        self.lies = []
        market = replace(SPOT.at(server.url), name=behaviour.name)
        self.handle = engine.subscribe("BTCUSDT", depth=LEVELS, market=market, on_update=self._judge)
        self._begun = time.monotonic()
        self._is_over = False

    def look(self):
        """Judge the book as any reader finds it, and have the exchange behave once it was hostile for long enough."""
        view = self.handle.view()
        if view.state is LIVE:
            self._judge(view)
        lasted = time.monotonic() - self._begun
        enough = lasted > max(SHORTEST, self.behaviour.patient) and (lasted > LONGEST or self.server.played)
        if enough and not self._is_over:
            self._is_over = True
            self.server.behave()
        return self._is_over

    def _judge(self, view):
        fault = self.server.book.fault_of(view)
        if fault is not None:
            self.lies.append(fault)


@pytest.fixture(scope="module")
def exchange():
    with LocalExchange.with_order_flow("BTCUSDT", rate=100.0, levels=5.0, depth=150) as exchange:
        yield exchange


@pytest.fixture
def checker(exchange):
    with Checker(exchange) as checker:
        yield checker


@pytest.fixture
def engine(request, set_timing):
    set_timing(Timing.fast())
    # The honest exchange runs in this process too: while a message of 4 MB is parsed, a busy machine makes it silent.
    heavy = "group" in request.fixturenames and request.getfixturevalue("group") in HEAVY
    silence_limit = 10.0 if heavy else 0.5
    with DepthEngine(number=Decimal, silence_limit=silence_limit, connect_timeout=1.0, read_timeout=1.0) as engine:
        yield engine


def memory():
    return rss_mb() if sys.platform == "linux" else 0.0


def honest_market(exchange):
    # Snapshots of the whole book: no price can leave what they vouch for, so only harm makes it stale.
    return replace(SPOT.at(exchange.url), limits=(5000,), weights=(5,))


QUICK = ("snapshots", "events")


@pytest.mark.parametrize(
    "group", [pytest.param(each, marks=() if each in QUICK else pytest.mark.full) for each in GROUPS]
)
def test_a_hostile_exchange_harms_only_its_own_book(exchange, checker, engine, group):
    events = []
    heavy = group in HEAVY
    honest = engine.subscribe(
        "BTCUSDT",
        depth=LEVELS,
        market=honest_market(exchange),
        on_update=lambda view: checker.published(view, LEVELS),
        on_event=events.append,
    ).wait_live(10)
    with ExitStack() as stack:
        servers = [stack.enter_context(closing(HostileExchange(behaviour))) for behaviour in GROUPS[group]]
        memory_before, updates_before = memory(), checker.updates
        victims = [Victim(engine, *pair) for pair in zip(GROUPS[group], servers, strict=True)]

        def all_are_over():
            checker.seen(honest.view(), LEVELS)
            assert honest.state is LIVE, f"expected the honest book to be live, was {honest.view()}, {events}"
            over = [victim.look() for victim in victims]
            return all(over)

        until(all_are_over)
        assert heavy or memory() - memory_before < MOST_MEMORY
        until(lambda: checker.updates > updates_before)
        status = engine.status(timeout=1)
        assert {len(status.books), len(status.sockets), len(status.pools)} == {1 + len(victims)}
        for victim in victims:
            if victim.behaviour.recovers:
                victim.handle.wait_live(15)
                victim.look()
        most = memory_before + (MOST_MEMORY_OF_HEAVY if heavy else MOST_MEMORY)
        assert comes_true(lambda: memory() < most), f"expected at most {most:.0f} MB, was {memory():.0f}"
        assert {event.state for event in events} == {LIVE}, f"expected the honest book to stay live, was {events}"
        begun = time.monotonic()
        engine.stop()
        assert time.monotonic() - begun < 5
    assert {victim.behaviour.name: victim.lies for victim in victims if victim.lies} == {}
    assert [mismatch.words for mismatch in checker.mismatches] == []


def test_an_error_that_is_told_does_not_keep_the_message_that_it_is_about(engine):
    told = threading.Event()
    errors = []

    def note(event):
        if event.error is not None:
            errors.append(event.error)
            told.set()

    with closing(HostileExchange(Behaviour(rest=millions_of_levels))) as server:
        engine.subscribe("BTCUSDT", depth=LEVELS, market=SPOT.at(server.url), on_event=note)
        assert told.wait(10)
        engine.stop()
    assert largest_kept_by(errors[0]) < 100_000


def largest_kept_by(error):
    """Return the size of the largest thing that is reached from an error through its traceback's frames."""
    largest = 0
    while error is not None:
        trace = error.__traceback__
        while trace is not None:
            kept = trace.tb_frame.f_locals.values()
            largest = max([largest, *(len(each) for each in kept if isinstance(each, bytes | bytearray | list | dict))])
            trace = trace.tb_next
        error = error.__cause__ or error.__context__
    return largest
