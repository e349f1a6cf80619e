"""A connection: what is subscribed on it, and in which order that is asked for."""

from itertools import count

import pytest

from depthactors.actors.base import EngineActor
from depthactors.actors.book_messages import StreamDown, StreamUp
from depthactors.actors.connection import Connection, SocketContext
from depthactors.actors.receivers import Receivers
from depthactors.actors.refusals import Refusals
from depthactors.actors.socket_messages import (
    Acknowledged,
    AnswerOverdue,
    ConnectionEnded,
    Opened,
    OpeningOverdue,
    SendRequests,
)
from depthactors.errors import StreamError
from depthactors.net.network import SocketNetwork
from depthactors.net.settings import NetworkSettings
from depthactors.pacing import USUAL
from tests.actors.actor_support import Actors, market_at
from tests.support import until

BTC, ETH = b"btcusdt@depth@100ms", b"ethusdt@depth@100ms"


class Owner(EngineActor):
    """Has one connection, and does with it what it is told to."""

    def __init__(self, dispatcher, market, receivers):
        super().__init__("owner", None, dispatcher)
        self._context = SocketContext(
            name="owner",
            owner=self.actor_ref,
            mailbox=self.mailbox,
            market=market,
            network=SocketNetwork(NetworkSettings()),
            settings=NetworkSettings(),
            epochs=count(1),
            request_ids=count(1),
            receivers=receivers,
            refusals=Refusals(USUAL.refusal_backoff),
        )

    def begin(self):
        self.connection = Connection(self._context, notify_failure=True)

    def handle(self, message):
        match message:
            case Opened():
                self.connection.opened()
            case SendRequests():
                self.connection.send_requests()
            case Acknowledged() | ConnectionEnded() | OpeningOverdue() | AnswerOverdue():
                pass
            case _:
                return message(self.connection)
        return None

    def release(self, error):
        del error
        self.connection.abort()


@pytest.fixture
def start(server, dispatcher):
    with Actors(dispatcher) as actors:

        def start(*streams, **changes):
            book, told = actors.probe()
            receivers = Receivers()
            for stream in streams:
                receivers.put(stream, book)
            return actors.start(Owner, dispatcher, market_at(server, **changes), receivers), receivers, told

        yield start


def asked(server):
    return [(message["method"], tuple(message["params"])) for _, _, message in list(server.requests.seen)]


def test_it_serves_all_when_every_stream_was_acknowledged(start, server):
    ref, receivers, _ = start(BTC, ETH)
    until(lambda: ref.ask(lambda connection: connection.serves_all, timeout=5))
    assert asked(server) == [("SUBSCRIBE", (BTC.decode(), ETH.decode()))]
    receivers.put(b"new@depth", receivers.now[BTC])
    assert not ref.ask(lambda connection: connection.serves_all, timeout=5)
    ref.ask(lambda connection: connection.subscribe(b"new@depth"), timeout=5)
    until(lambda: ref.ask(lambda connection: connection.serves_all, timeout=5))


def test_what_is_asked_for_twice_is_sent_once_and_what_is_given_back_unsent_never(start, server):
    ref, _, _ = start(BTC)
    until(lambda: ref.ask(lambda connection: connection.serves_all, timeout=5))

    def change(connection):
        connection.subscribe(BTC)
        connection.subscribe(ETH)
        connection.unsubscribe(ETH)

    ref.ask(change, timeout=5)
    ref.ask(lambda connection: connection.send_requests(), timeout=5)
    assert asked(server) == [("SUBSCRIBE", (BTC.decode(),))]


def test_only_a_stream_that_is_up_is_subscribed_to_anew(start, server):
    ref, _, told = start(BTC)
    until(lambda: ref.ask(lambda connection: connection.serves_all, timeout=5))
    ref.ask(lambda connection: connection.resubscribe(ETH), timeout=5)
    ref.ask(lambda connection: connection.resubscribe(BTC), timeout=5)
    assert told.wait(StreamUp, 2) == [StreamUp(1), StreamUp(1)]
    assert asked(server)[1:] == [("UNSUBSCRIBE", (BTC.decode(),)), ("SUBSCRIBE", (BTC.decode(),))]


def test_what_is_about_to_be_given_back_is_asked_for_anew(start, server):
    ref, _, told = start(BTC, ETH)
    until(lambda: ref.ask(lambda connection: connection.serves_all, timeout=5))

    def change(connection):
        connection.unsubscribe(BTC)
        connection.subscribe(BTC)
        return connection.carried

    assert ref.ask(change, timeout=5) == 1
    assert told.wait(StreamUp, 3) == [StreamUp(1)] * 3
    assert asked(server)[1:] == [("UNSUBSCRIBE", (BTC.decode(),)), ("SUBSCRIBE", (BTC.decode(),))]


@pytest.mark.parametrize("silent", [True, False])
def test_an_end_that_concerns_nobody_is_told_to_the_owner_alone(start, silent):
    ref, _, told = start(BTC)
    told.wait(StreamUp)

    def end(connection):
        if silent:
            connection.detach()
        connection.close(StreamError("enough"))
        return connection

    connection = ref.ask(end, timeout=5)
    until(lambda: not connection.is_read)
    if not silent:
        told.wait(StreamDown)
    assert len(told.of(StreamDown)) == (not silent)
