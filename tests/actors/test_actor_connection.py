"""A link: what is subscribed on one connection, and in which order it is asked for."""

from contextlib import closing
from itertools import count

import pytest

from depthactors.actors.base import EngineActor
from depthactors.actors.book_messages import StreamDown, StreamUp
from depthactors.actors.connection import Link
from depthactors.actors.mailbox import Tick
from depthactors.actors.refusals import Refusals
from depthactors.actors.socket_messages import Acknowledged, Closed, Opened
from depthactors.errors import StreamError
from depthactors.net.settings import NetworkSettings
from depthactors.pacing import USUAL
from tests.actors.actor_support import Actors, FakeStreams, market_at
from tests.support import until

BTC, ETH = b"btcusdt@depth@100ms", b"ethusdt@depth@100ms"


class Owner(EngineActor):
    """Has one link, and does with it what it is told to."""

    def __init__(self, market, routes, **options):
        super().__init__("owner", None)
        self._arguments = "owner", market, 1, routes
        self._options = {
            "request_ids": count(1),
            "settings": NetworkSettings(),
            "tell_failure": True,
            "refusals": Refusals(USUAL.refusal_backoff),
        } | options

    def begin(self):
        self.link = Link(*self._arguments, owner=self.actor_ref, mailbox=self.mailbox, **self._options)

    def handle(self, message):
        match message:
            case Opened():
                self.link.opened()
            case Tick("flush", _):
                self.link.flush()
            case Acknowledged() | Closed() | Tick():
                pass
            case _:
                return message(self.link)
        return None

    def release(self, error):
        del error
        self.link.drop()


@pytest.fixture
def server():
    with closing(FakeStreams()) as server:
        yield server


@pytest.fixture
def start(server):
    with Actors() as actors:

        def start(*streams, **changes):
            book, told = actors.probe()
            routes = dict.fromkeys(streams, book)
            return actors.start(Owner, market_at(server, **changes), routes), routes, told

        yield start


def asked(server):
    return [(message["method"], tuple(message["params"])) for _, _, message in list(server.requests.seen)]


def test_it_serves_all_when_every_stream_was_acknowledged(start, server):
    ref, routes, _ = start(BTC, ETH)
    until(lambda: ref.ask(lambda link: link.serves_all, timeout=5))
    assert asked(server) == [("SUBSCRIBE", (BTC.decode(), ETH.decode()))]
    routes[b"new@depth"] = routes[BTC]
    assert not ref.ask(lambda link: link.serves_all, timeout=5)
    ref.ask(lambda link: link.subscribe(b"new@depth"), timeout=5)
    until(lambda: ref.ask(lambda link: link.serves_all, timeout=5))


def test_what_is_asked_for_twice_is_sent_once_and_what_is_given_back_unsent_never(start, server):
    ref, _, _ = start(BTC)
    until(lambda: ref.ask(lambda link: link.serves_all, timeout=5))

    def change(link):
        link.subscribe(BTC)
        link.subscribe(ETH)
        link.unsubscribe(ETH)

    ref.ask(change, timeout=5)
    ref.ask(lambda link: link.flush(), timeout=5)
    assert asked(server) == [("SUBSCRIBE", (BTC.decode(),))]


def test_only_a_stream_that_is_up_is_subscribed_to_anew(start, server):
    ref, _, told = start(BTC)
    until(lambda: ref.ask(lambda link: link.serves_all, timeout=5))
    ref.ask(lambda link: link.resubscribe(ETH), timeout=5)
    ref.ask(lambda link: link.resubscribe(BTC), timeout=5)
    assert told.wait(StreamUp, 2) == [StreamUp(1), StreamUp(1)]
    assert asked(server)[1:] == [("UNSUBSCRIBE", (BTC.decode(),)), ("SUBSCRIBE", (BTC.decode(),))]


def test_what_is_about_to_be_given_back_is_asked_for_anew(start, server):
    ref, _, told = start(BTC, ETH)
    until(lambda: ref.ask(lambda link: link.serves_all, timeout=5))

    def change(link):
        link.unsubscribe(BTC)
        link.subscribe(BTC)
        return link.is_up(BTC)

    assert not ref.ask(change, timeout=5)
    assert told.wait(StreamUp, 3) == [StreamUp(1)] * 3
    assert asked(server)[1:] == [("UNSUBSCRIBE", (BTC.decode(),)), ("SUBSCRIBE", (BTC.decode(),))]


@pytest.mark.parametrize("silent", [True, False])
def test_an_end_that_concerns_nobody_is_told_to_the_owner_alone(start, silent):
    ref, _, told = start(BTC)
    told.wait(StreamUp)

    def end(link):
        if silent:
            link.fall_silent()
        link.finish(StreamError("enough"))
        return link

    link = ref.ask(end, timeout=5)
    until(lambda: not link.reading)
    if not silent:
        told.wait(StreamDown)
    assert len(told.of(StreamDown)) == (not silent)
