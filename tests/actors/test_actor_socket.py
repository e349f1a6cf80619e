"""The socket actor against a server with knobs: what it sends, and how it comes back."""

import socket
import threading
import time
from dataclasses import replace
from http import HTTPStatus
from itertools import count, pairwise

import pytest
from pykka._envelope import Envelope

from depthactors import markets
from depthactors.actors import refused_streams, router
from depthactors.actors.book_messages import StreamDown, StreamUp
from depthactors.actors.questions import Status
from depthactors.actors.socket import SocketActor
from depthactors.actors.socket_messages import Connect, FrameRejected, Resubscribe, Rotate, Subscribe, Unsubscribe
from depthactors.actors.supervisor_messages import ReconnectExhausted, StreamsRefused
from depthactors.dispatcher.mailbox import Frames, mailbox_of
from depthactors.errors import HandshakeRefusedError, StreamError, SubscriptionError
from depthactors.net.allowance import Allowance
from depthactors.net.network import SocketNetwork
from depthactors.net.settings import NetworkSettings
from depthactors.pacing import Backoff, Timing
from depthactors.pacing.reconnects import Reconnects
from tests.actors.actor_support import Actors, frame, join, market_at
from tests.support import PATIENCE, Recorder, until

QUICK = Backoff(first=0.02, factor=1.0, cap=0.02)
THREE_TRIES = Backoff(first=0.01, factor=1.0, tries=3)
BTC, ETH = "btcusdt@depth@100ms", "ethusdt@depth@100ms"
REFUSAL = {"error": {"code": 2, "msg": "Invalid request"}}
SHUTDOWN = '{"stream":"!serverShutdown","data":{"e":"serverShutdown","E":1}}'


class Scene:
    def __init__(self, actors, server, market, backoff, options):
        self.actors, self.server = actors, server
        parent, self.reported = actors.probe(name="parent")
        keywords = {"epochs": count(1), "allowance": options.pop("allowance", Allowance(6000, 300))}
        keywords["place"] = options.pop("place", 0)
        settings = {"rotate_after": None, "timing": Timing.fast()} | options
        keywords["settings"] = NetworkSettings(backoff=backoff, **settings)
        keywords["network"] = SocketNetwork(keywords["settings"])
        self.ref = actors.start(SocketActor, "socket-1", market, parent, **keywords)

    def subscribe(self, *streams):
        """Carry streams for a new book; returns what it is told."""
        book, told = self.actors.probe()
        for stream in streams:
            self.ref.tell(Subscribe(stream, book))
        return told

    def carry(self, *streams):
        told = self.subscribe(*streams)
        told.wait(StreamUp, len(streams))
        return told

    def unsubscribe(self, stream):
        self.ref.tell(Unsubscribe(stream))

    def tell_at_once(self, *messages):
        """Put messages so that the last is there before the first is taken."""
        mailbox = mailbox_of(self.ref)
        mailbox._control.extend(map(Envelope, messages))
        mailbox.schedule()

    def status(self):
        return self.ref.ask(Status(), timeout=5)

    def heard_of(self, stream):
        return [message["method"] for _, _, message in list(self.server.requests.seen) if stream in message["params"]]


def quick_market(server, **changes):
    """Return a market of the fastest stream alone, with many messages a second: rotations and requests take moments."""
    return market_at(server, speeds=((100, "@depth@100ms"),), **{"messages_per_second": 100} | changes)


@pytest.fixture
def start(server, dispatcher):
    with Actors(dispatcher) as actors:

        def start(market=None, backoff=QUICK, **options):
            return Scene(actors, server, market or quick_market(server), backoff, options)

        yield start


@pytest.fixture
def scene(start):
    return start()


def test_without_a_stream_there_is_no_connection(scene, server):
    row = scene.status()
    assert (row.connected, row.epoch, row.rejected_frames, row.unrouted_frames) == (False, 0, 0, 0)
    assert server.handshakes.seen == []


def test_a_stream_is_up_then_brings_its_frames(scene, server):
    told = scene.carry(BTC)
    server.send(frame(1, 1))
    up, brought = told.wait(count=2)
    assert (up, brought.epoch, brought.frames) == (StreamUp(1), 1, [frame(1, 1)])
    assert abs(time.time() - brought.recv_time) < 5
    row = scene.status()
    assert (row.name, row.market, row.connected, row.streams, row.failures) == ("socket-1", "spot", True, 1, 0)


def test_hundreds_of_streams_become_few_requests_within_the_allowed_rate(start, server):
    streams = [f"sym{number}usdt@depth" for number in range(700)]
    start(quick_market(server, messages_per_second=4)).carry(*streams)
    assert sorted(server.subscribed()) == sorted(streams), "each once"
    asked = server.requests.seen
    assert 3 <= len(asked) <= 5
    assert len({message["id"] for _, _, message in asked}) == len(asked)
    times = [at for _, at, _ in asked]
    for first, third in zip(times, times[2:], strict=False):
        assert third - first > 0.9, "three requests in a second, where four messages are allowed, two of them pongs"


def test_the_seconds_that_a_connection_lasted_are_counted_from_its_opening(scene, server, monkeypatch):
    lasted, wait = Recorder(), Reconnects.wait
    monkeypatch.setattr(Reconnects, "wait", lambda self, *values: (lasted(values[0]), wait(self, *values))[1])
    scene.carry(BTC)
    opened = mailbox_of(scene.ref).now()
    # It lasts three times as long as the machine had been running when it opened.
    monkeypatch.setattr(mailbox_of(scene.ref), "now", lambda: 4 * opened)
    server.cut()
    assert lasted.wait_one() == pytest.approx(3 * opened, abs=PATIENCE)


def test_streams_come_and_go_on_a_live_connection(scene, server):
    scene.carry(BTC)
    scene.carry(ETH)
    scene.unsubscribe(ETH)
    scene.unsubscribe("nosuch@depth")
    until(lambda: scene.heard_of(ETH) == ["SUBSCRIBE", "UNSUBSCRIBE"])
    scene.carry("bnbusdt@depth")
    assert (scene.heard_of(BTC), scene.heard_of("nosuch@depth")) == (["SUBSCRIBE"], [])
    assert (scene.status().streams, len(server.handshakes.seen)) == (2, 1)


@pytest.mark.parametrize("following", [BTC, ETH], ids=["the same", "another"])
def test_the_last_stream_takes_the_connection_along_and_the_next_brings_it_back(scene, following):
    scene.carry(BTC)
    scene.unsubscribe(BTC)
    until(lambda: not scene.status().connected and not mailbox_of(scene.ref).helpers[0].is_alive())
    assert (scene.carry(following).seen, scene.reported.seen) == ([StreamUp(2)], [])


def test_the_wait_of_an_outage_ends_with_the_last_stream_and_the_next_connects_at_once(start, server):
    server.refuse = True
    scene = start(backoff=Backoff(first=600.0, cap=600.0))
    scene.subscribe(BTC)
    until(lambda: scene.status().retry_in > 200)
    scene.unsubscribe(BTC)
    assert scene.status().retry_in == 0.0
    told = scene.subscribe(ETH)
    assert "503" in str(told.wait_one(StreamDown).error), "the book of the next stream hears why it is not up"
    until(lambda: scene.status().retry_in > 200)
    # The timer of the first wait.
    scene.ref.tell(Connect(1))
    assert scene.status().retry_in > 200, "the second wait is as long as it was to be"
    assert len(server.handshakes.seen) == 2


def test_a_further_stream_does_not_shorten_the_wait_of_an_outage(start, server):
    server.refuse = True
    scene = start(backoff=Backoff(first=600.0, cap=600.0))
    scene.subscribe(BTC)
    until(lambda: scene.status().retry_in > 200)
    scene.subscribe(ETH)
    assert scene.status().retry_in > 200
    assert (scene.status().connections, len(server.handshakes.seen)) == (1, 1)


def test_a_peer_that_cuts_each_connection_is_tried_ever_more_slowly(start, server):
    scene = start(backoff=Backoff(first=0.1, factor=2.0, tries=1))
    told = scene.carry(BTC)
    begun = time.monotonic()
    for connections in range(1, 5):
        told.wait(StreamUp, connections)
        server.cut()
    told.wait(StreamUp, 5)
    assert time.monotonic() - begun > 0.05 + 0.1 + 0.2 + 0.4
    assert scene.reported.seen == [], "each of them was served: no try failed"


def test_a_receiver_that_is_replaced_in_an_outage_is_told_up_only_when_it_is(start, server):
    scene = start(backoff=Backoff(first=0.4, factor=1.0))
    told = scene.carry(BTC)
    server.cut()
    told.wait(StreamDown)
    until(lambda: not scene.status().connected)
    assert scene.carry(BTC).of(StreamUp) == [StreamUp(2)]


def test_a_new_stream_hears_nothing_of_the_connection_that_went_with_the_last_one(scene):
    book, told = scene.actors.probe()
    scene.carry(BTC)
    scene.unsubscribe(BTC)
    scene.ref.tell(Subscribe(ETH, book))
    told.wait(StreamUp)
    assert told.of(StreamDown) == [], "nothing was lost: this side closed, for want of streams"


def test_a_replaced_receiver_is_told_that_its_stream_is_up_without_asking_the_exchange(scene, server):
    before, after = scene.carry(BTC), scene.carry(BTC)
    server.send(frame(1, 1))
    after.wait(Frames)
    assert (before.seen, after.seen[0]) == ([StreamUp(1)], StreamUp(1))
    assert server.subscribed() == [BTC]


@pytest.mark.parametrize("answered_first", [True, False], ids=["after the answers", "before the answers"])
def test_a_stream_dropped_before_its_answer_came_is_asked_for_anew(scene, server, answered_first):
    held = []
    server.on_request = lambda _connection, message: held.append(message["id"])
    keeper = scene.subscribe(ETH)
    scene.subscribe(BTC)
    until(lambda: {BTC, ETH} <= set(server.subscribed()))
    scene.unsubscribe(BTC)
    until(lambda: scene.heard_of(BTC) == ["SUBSCRIBE", "UNSUBSCRIBE"])
    if not answered_first:
        late = scene.subscribe(BTC)
        scene.status()
    server.on_request = server.acknowledge
    for request_id in held:
        server.send(f'{{"result":null,"id":{request_id}}}')
    server.send(frame(1, 1, symbol="ETHUSDT"))
    keeper.wait(Frames)
    if answered_first:
        late = scene.subscribe(BTC)
    late.wait(StreamUp)
    # Up was told; so what the exchange heard last of the stream must be, or become, a SUBSCRIBE.
    until(lambda: scene.heard_of(BTC)[-1] == "SUBSCRIBE", 3)


def test_a_lost_connection_is_replaced_and_every_stream_asked_for_again(scene, server):
    books = [scene.carry(stream) for stream in (BTC, ETH)]
    server.send(frame(1, 1))
    books[0].wait(Frames)
    server.cut()
    for told in books:
        up, down, again = told.wait((StreamUp, StreamDown), 3)
        assert (up, down.epoch, type(down.error), again) == (StreamUp(1), 1, StreamError, StreamUp(2))
    assert sorted(server.subscribed(connection=1)) == [BTC, ETH]
    assert (scene.status().epoch, scene.status().failures, scene.reported.seen) == (2, 0, [])


@pytest.mark.parametrize(
    ("end", "words"),
    [
        (lambda server: server.connections[0].close(1000), "1000"),
        (lambda server: server.connections[0].close(1008), "1008"),
        (lambda server: server.connections[0].close(1012), "1012"),
    ],
    ids=["code 1000", "code 1008", "code 1012"],
)
def test_however_the_exchange_ends_a_connection_a_new_one_follows(scene, server, end, words):
    told = scene.carry(BTC)
    end(server)
    assert told.wait(StreamUp, 2)[1].epoch == 2
    assert words in str(told.wait_one(StreamDown).error)


def test_a_refused_stream_is_told_and_asked_for_again_on_the_same_connection(scene, server):
    server.on_request = lambda _connection, message: REFUSAL | {"id": message["id"]}
    told = scene.subscribe(BTC)
    refusal = told.wait_one(StreamDown).error
    assert (type(refusal), "Invalid request" in str(refusal)) == (SubscriptionError, True)
    server.on_request = server.acknowledge
    assert told.wait_one(StreamUp).epoch == 1


STREAMS = [f"sym{number}usdt@depth" for number in range(20)]


def refusing(*bad, code=2, close=False):
    """Refuse each request that has one of these streams; `close` the connection then, too."""

    def answer(server, connection, message):
        if message["method"] != "SUBSCRIBE" or not set(bad) & set(message["params"]):
            return server.acknowledge(connection, message)
        if close:
            server.connections[connection].close(1008, "Invalid request")
            return None
        return {"error": {"code": code, "msg": "no"}, "id": message["id"]}

    return answer


def carry_all(scene, streams=STREAMS):
    """Carry streams, asked for at once, for a book each; returns what each is told."""
    books = {stream: scene.actors.probe() for stream in streams}
    scene.tell_at_once(*(Subscribe(stream, book) for stream, (book, _) in books.items()))
    return {stream: told for stream, (_, told) in books.items()}


@pytest.mark.parametrize("close", [False, True], ids=["an error", "closed with 1008"])
def test_only_the_book_of_a_refused_stream_hears_of_it_and_the_others_stay_up(start, server, close):
    bad, *good = STREAMS
    answer = refusing(bad, close=close)
    server.on_request = lambda connection, message: answer(server, connection, message)
    scene = start()
    told = carry_all(scene)
    told[bad].wait_one(StreamDown, matches=lambda each: type(each.error) is SubscriptionError)
    for stream in good:
        told[stream].wait(StreamUp)
    # Refused once more, it is to be carried where it harms nobody; whoever does that takes it off here.
    assert scene.reported.wait_one(StreamsRefused) == StreamsRefused("socket-1", (bad,), is_full=False)
    scene.unsubscribe(bad)
    until(lambda: all(each.seen and type(each.seen[-1]) is StreamUp for name, each in told.items() if name in good))
    if not close:
        assert [each.seen for name, each in told.items() if name in good] == [[StreamUp(1)]] * len(good)
        assert len(server.handshakes.seen) == 1
    assert len(told[bad].of(StreamDown, lambda each: type(each.error) is SubscriptionError)) == 1, "told once"


def test_a_stream_refused_alone_is_asked_for_again_and_comes_up(start, server):
    scene = start()
    server.on_request = lambda connection, message: refusing(BTC)(server, connection, message)
    told = scene.subscribe(BTC)
    told.wait_one(StreamDown)
    until(lambda: len(scene.heard_of(BTC)) > 4)
    assert scene.reported.seen == [], "there is no other stream that it could harm"
    late = scene.subscribe(BTC)
    assert type(late.wait_one(StreamDown).error) is SubscriptionError, "a new actor hears why it has no stream"
    server.on_request = server.acknowledge
    assert late.wait_one(StreamUp).epoch == 1
    assert len(server.handshakes.seen) == 1


def test_a_stream_that_is_given_back_is_not_asked_for_again(start, server):
    scene = start()
    server.on_request = lambda connection, message: refusing(BTC)(server, connection, message)
    told = carry_all(scene, [BTC, ETH])
    told[ETH].wait(StreamUp)
    told[BTC].wait(StreamDown)
    scene.unsubscribe(BTC)
    scene.status()
    asked = len(scene.heard_of(BTC))
    scene.carry("later@depth")
    assert len(scene.heard_of(BTC)) == asked


def test_an_exchange_that_refuses_everything_is_left_and_tried_again_later(start, server, monkeypatch):
    monkeypatch.setattr(refused_streams, "_MOST_REFUSED", 5)
    scene = start(backoff=THREE_TRIES)
    server.on_request = lambda _connection, message: REFUSAL | {"id": message["id"]}
    carry_all(scene)
    exhausted = scene.reported.wait_one(ReconnectExhausted)
    assert (type(exhausted.error), len(server.handshakes.seen)) == (SubscriptionError, 3)


def test_of_one_stream_too_many_those_that_are_up_stay_and_the_others_are_sent_away(start, server):
    scene = start()
    scene.carry(BTC)
    server.on_request = lambda connection, message: refusing(ETH, code=4)(server, connection, message)
    scene.subscribe(ETH)
    assert scene.reported.wait_one(StreamsRefused) == StreamsRefused("socket-1", (ETH,), is_full=True)


def test_where_none_is_up_half_of_them_are_sent_away_and_the_rest_tried_on_a_new_connection(start, server):
    scene = start()
    server.on_request = lambda connection, message: refusing(*STREAMS, code=4)(server, connection, message)
    told = carry_all(scene)
    refused = scene.reported.wait_one(StreamsRefused)
    assert refused == StreamsRefused("socket-1", tuple(STREAMS[10:]), is_full=True)
    server.on_request = server.acknowledge
    for stream in STREAMS[:10]:
        told[stream].wait(StreamUp)


def test_a_successor_takes_over_though_a_stream_is_refused(start, server):
    scene = start()
    server.on_request = lambda connection, message: refusing(BTC)(server, connection, message)
    told = carry_all(scene, [BTC, ETH])
    told[ETH].wait(StreamUp)
    told[BTC].wait(StreamDown)
    server.send(SHUTDOWN)
    until(lambda: scene.status().rotations == 1)
    up, successor, down = told[ETH].wait(count=3)
    assert (up, successor, down.epoch) == (StreamUp(1), StreamUp(2, 1), 1)


class RefusesOnce:
    """Refuses BTC once; its next request, and all that a second connection sends, is answered when the test says so."""

    def __init__(self, server):
        self._server, self._refused, self._held = server, False, []
        server.on_request = self

    def __call__(self, connection, message):
        if not self._refused and message["params"] == [BTC]:
            self._refused = True
            return REFUSAL | {"id": message["id"]}
        if connection or (self._refused and message["params"] == [BTC]):
            self._held.append((connection, message["id"]))
            return None
        return self._server.acknowledge(connection, message)

    def asked_again(self):
        return len(self._held) > 0

    def accept(self, connection):
        """Accept what a connection has asked for, and on the second connection what it will ask for."""
        if connection:
            self._server.on_request = self._server.acknowledge
        for number, request_id in self._held:
            if number == connection:
                self._server.connections[number].send(f'{{"result":null,"id":{request_id}}}')


def asked_again_before_a_rotation(start, server):
    """Have a stream refused and asked for again, and a successor that asks for the other stream alone."""
    scene, exchange = start(), RefusesOnce(server)
    scene.carry(ETH)
    told = scene.subscribe(BTC)
    until(exchange.asked_again)
    server.send(SHUTDOWN)
    until(lambda: server.subscribed(connection=1) == [ETH])
    return scene, exchange, told


def test_a_refused_stream_that_comes_up_during_a_rotation_is_carried_by_the_successor_too(start, server):
    scene, exchange, told = asked_again_before_a_rotation(start, server)
    exchange.accept(0)
    assert told.wait(StreamUp) == [StreamUp(1)]
    until(lambda: server.subscribed(connection=1) == [ETH, BTC])
    exchange.accept(1)
    until(lambda: scene.status().rotations == 1)
    assert [each.epoch for each in told.wait(StreamUp, 2)] == [1, 2]
    assert told.wait(StreamDown, 2)[-1].epoch == 1, "handed over"


def test_a_refused_stream_whose_answer_was_awaited_on_the_predecessor_is_asked_for_after_a_rotation(start, server):
    scene, exchange, told = asked_again_before_a_rotation(start, server)
    exchange.accept(1)
    assert told.wait(StreamUp)[0].epoch == 2
    assert scene.status().rotations == 1


def test_an_unreadable_frame_is_counted_and_told(scene, server):
    told = scene.carry(BTC)
    server.send("garbage")
    server.send(frame(1, 1))
    told.wait(Frames)
    assert (scene.status().rejected_frames, len(scene.reported.wait(FrameRejected))) == (1, 1)


def test_the_waits_between_tries_grow(start, server):
    server.refuse = True
    scene = start(backoff=Backoff(first=0.05, factor=3.0, cap=60.0, tries=4))
    scene.subscribe(BTC)
    scene.reported.wait(ReconnectExhausted)
    waits = [later - earlier for earlier, later in pairwise(server.handshakes.seen)]
    for wait, longest in zip(waits, (0.05, 0.15, 0.45), strict=True):
        assert wait >= longest / 2 * 0.95
    assert waits[2] > waits[0]


def test_used_up_tries_are_told_once_and_books_hear_of_one_failure(start, server):
    server.refuse = True
    scene = start(backoff=THREE_TRIES)
    told = scene.subscribe(BTC)
    exhausted = scene.reported.wait_one(ReconnectExhausted)
    assert (exhausted.name, "503" in str(exhausted.error)) == ("socket-1", True)
    assert (scene.status().failures, scene.status().connected) == (3, False)
    told.wait_one(StreamDown)
    assert (len(server.handshakes.seen), len(scene.reported.seen), len(told.of(StreamDown))) == (3, 1, 1)


def test_an_acknowledged_subscription_makes_up_for_earlier_failures(start, server):
    scene = start(backoff=THREE_TRIES)
    told = scene.carry(BTC)
    for lost in range(1, 6):
        server.cut()
        told.wait(StreamUp, lost + 1)
    assert scene.reported.seen == []


def test_a_connection_that_never_answers_is_no_success(start, server):
    scene = start(backoff=THREE_TRIES)
    server.on_request = lambda number, _message: server.cut(number)
    told = scene.subscribe(BTC)
    scene.reported.wait(ReconnectExhausted)
    told.wait_one(StreamDown)
    assert (len(server.handshakes.seen), told.of(StreamUp), len(told.of(StreamDown))) == (3, [], 1)


def test_frames_carry_the_number_of_their_connection(scene, server):
    told = scene.carry(BTC)
    for epoch in range(1, 4):
        server.send(frame(epoch, epoch))
        told.wait(Frames, epoch)
        server.cut()
        told.wait(StreamUp, epoch + 1)
    order = [(type(each), each.epoch) for each in told.seen]
    assert order == [(kind, epoch) for epoch in (1, 2, 3) for kind in (StreamUp, Frames, StreamDown)] + [(StreamUp, 4)]


def test_stopping_ends_the_reader_of_a_live_connection(scene, server):
    told = scene.carry(BTC)
    scene.ref.stop(timeout=5)
    join(scene.ref, 2)
    told.wait(StreamDown)
    assert len(server.handshakes.seen) == 1


def test_stopping_ends_a_reader_whose_handshake_is_not_answered(start):
    with socket.create_server(("127.0.0.1", 0)) as mute:
        scene = start(markets.SPOT.at(f"http://127.0.0.1:{mute.getsockname()[1]}"), connect_timeout=30.0)
        scene.subscribe(BTC)
        connection, _ = mute.accept()
        with connection:
            connection.recv(100)
            scene.ref.stop(timeout=5)
            join(scene.ref, 3)


def test_stopping_ends_the_wait_for_the_next_try(start, server):
    server.refuse = True
    scene = start(backoff=Backoff(first=60.0, cap=60.0))
    scene.subscribe(BTC).wait(StreamDown)
    scene.ref.stop(timeout=5)
    join(scene.ref, 2)
    assert len(server.handshakes.seen) == 1


# Rotation: the successor comes first.


def test_a_successor_is_subscribed_to_all_before_its_predecessor_is_ended_in_good_order(start, server):
    scene = start(rotate_after=0.2)
    books = [scene.carry(stream) for stream in (BTC, ETH)]
    for told in books:
        assert told.wait(StreamUp, 2) == [StreamUp(1), StreamUp(2, 1)]
        assert told.of(StreamDown) == []
    for number, connection in enumerate(list(server.connections)):
        connection.send(frame(number + 1, number + 1).decode())
    assert [each.epoch for each in books[0].wait(Frames, 2)] in ([1, 2], [2, 1])
    down = books[0].wait_one(StreamDown)
    assert (down.epoch, "handed over" in str(down.error)) == (1, True)
    assert server.connections[0].protocol.close_rcvd.code == 1000, "a close frame, not a cut"
    row = scene.status()
    assert (row.rotations, row.connected, row.failures, scene.reported.seen) == (1, True, 0, [])
    assert sorted(server.subscribed(connection=1)) == [BTC, ETH]


@pytest.mark.parametrize(
    "notice",
    ['{"e":"serverShutdown","E":1}', '{"stream":"!serverShutdown","data":{"e":"serverShutdown","E":1}}'],
    ids=["raw", "combined"],
)
def test_an_announced_shutdown_brings_the_successor_at_once(start, server, notice):
    scene = start()
    told = scene.carry(BTC)
    begun = time.monotonic()
    server.send(notice)
    assert told.wait(StreamUp, 2)[1] == StreamUp(2, 1)
    assert time.monotonic() - begun < 1.0
    assert told.wait_one(StreamDown).epoch == 1
    assert (scene.status().rotations, scene.status().epoch) == (1, 2)


def test_a_successor_that_cannot_be_made_harms_nobody_and_is_tried_again(start, server):
    scene = start(rotate_after=0.1, backoff=Backoff(first=0.1, factor=1.0))
    told = scene.carry(BTC)
    server.refuse = True
    server.handshakes.wait(count=4)
    assert (scene.status().connected, told.of(StreamDown), scene.reported.seen) == (True, [], [])
    server.connections[0].send(frame(1, 1).decode())
    told.wait(Frames)
    server.refuse = False
    told.wait(StreamUp, 2)
    assert told.wait_one(StreamDown).epoch == 1
    assert scene.status().rotations == 1


def test_a_successor_takes_over_at_once_when_its_predecessor_ends_before_its_time(start, server):
    scene = start(rotate_after=0.1, backoff=Backoff(first=60.0))
    told = scene.carry(BTC)
    told.wait(StreamUp, 2)
    server.cut(0)
    assert told.wait_one(StreamDown).epoch == 1
    until(lambda: scene.status().epoch == 2)
    assert (scene.status().connected, scene.status().error) == (True, None)
    server.connections[1].send(frame(1, 1).decode())
    assert told.wait_one(Frames).epoch == 2


def test_streams_that_come_and_go_during_a_rotation_do_so_on_both_connections(start, server):
    held = []
    server.on_request = lambda number, message: (
        server.acknowledge(number, message) if number == 0 else held.append(message)
    )
    scene = start(rotate_after=0.1)
    scene.carry(BTC)
    until(lambda: held)
    scene.carry(ETH)
    scene.unsubscribe(BTC)
    until(lambda: [each["method"] for each in held] == ["SUBSCRIBE", "SUBSCRIBE", "UNSUBSCRIBE"])
    server.on_request = server.acknowledge
    for message in held:
        server.connections[1].send(f'{{"result":null,"id":{message["id"]}}}')
    until(lambda: scene.status().rotations == 1)
    assert scene.status().streams == 1


def test_a_receiver_that_is_replaced_during_a_rotation_hears_of_both(start, server):
    # The rotation must not be over before the other receiver is there.
    scene = start(rotate_after=0.1, timing=replace(Timing.fast(), overlap=PATIENCE))
    scene.carry(BTC).wait(StreamUp, 2)
    book, told = scene.actors.probe()
    scene.ref.tell(Subscribe(BTC, book))
    assert told.wait(StreamUp, 2) == [StreamUp(1), StreamUp(2, 1)]


def test_the_last_stream_takes_a_rotation_along(start, server):
    scene = start(rotate_after=600.0)
    told = scene.carry(BTC)
    scene.ref.tell(Rotate(1))
    told.wait(StreamUp, 2)
    scene.unsubscribe(BTC)
    until(lambda: not scene.status().connected)
    until(lambda: not any(thread.is_alive() for thread in mailbox_of(scene.ref).helpers))
    assert scene.carry(ETH).of(StreamUp) == [StreamUp(3)]


def rotations_of(scene):
    """Return the seconds for which connections of a socket are to live, from now on."""
    lives, mailbox = Recorder(), mailbox_of(scene.ref)
    after = mailbox.after

    def set_timer(seconds, message):
        if isinstance(message, Rotate):
            lives(seconds)
        after(seconds, message)

    mailbox.after = set_timer
    return lives


def test_sockets_of_one_engine_rotate_at_different_times(start):
    scenes = [start(rotate_after=1000.0, place=place) for place in range(5)]
    rotations = [rotations_of(scene) for scene in scenes]
    for scene in scenes:
        scene.carry(BTC)
    lives = sorted(each.wait_one() for each in rotations)
    assert 900.0 - 1.0 < lives[0] < lives[-1] < 1000.0 + 1.0
    assert min(later - sooner for sooner, later in pairwise(lives)) > 10.0


def test_attempts_to_connect_are_paced_by_the_allowance(start, server):
    allowance = Allowance(6000, 2)
    scene = start(allowance=allowance)
    told = scene.carry(BTC)
    server.cut()
    told.wait(StreamDown)
    # One attempt in five minutes (nine tenths of two): the next one waits, and says so.
    until(lambda: not scene.status().connected)
    assert len(server.handshakes.seen) == 1
    assert scene.status().connections == 1


def test_a_stream_is_given_back_before_it_is_asked_for_again(scene, server):
    told = scene.carry(BTC)
    scene.ref.tell(Resubscribe(BTC))
    told.wait(StreamUp, 2)
    assert scene.heard_of(BTC) == ["SUBSCRIBE", "UNSUBSCRIBE", "SUBSCRIBE"]
    assert told.of(StreamUp) == [StreamUp(1), StreamUp(1)]


def test_a_stream_given_back_and_wanted_again_at_once_is_up_for_its_new_receiver_only_when_it_was_asked_for(scene):
    scene.carry(ETH)
    scene.carry(BTC)
    book, told = scene.actors.probe()
    scene.tell_at_once(Unsubscribe(BTC), Subscribe(BTC, book))
    told.wait(StreamUp)
    assert scene.heard_of(BTC) == ["SUBSCRIBE", "UNSUBSCRIBE", "SUBSCRIBE"]


def test_a_silent_stream_that_stays_is_given_back_and_asked_for_again(scene):
    scene.carry(ETH)
    told = scene.carry(BTC)
    book, moved = scene.actors.probe()
    scene.tell_at_once(Resubscribe(BTC), Unsubscribe(BTC, StreamError("silent")), Subscribe(BTC, book))
    moved.wait(StreamUp)
    assert scene.heard_of(BTC) == ["SUBSCRIBE", "UNSUBSCRIBE", "SUBSCRIBE"]
    told.wait_one(StreamDown)


def test_a_stream_that_is_taken_elsewhere_is_told_its_end(scene):
    told = scene.carry(BTC)
    scene.carry(ETH)
    end = StreamError("moved")
    scene.ref.tell(Unsubscribe(BTC, end))
    assert told.wait_one(StreamDown) == StreamDown(1, end)


def test_a_reader_that_ends_without_a_word_is_noticed(start, server, monkeypatch):
    scene = start()
    with monkeypatch.context() as broken:
        broken.setattr(router.Router, "closed", lambda *_: (_ for _ in ()).throw(MemoryError("in the last word")))
        broken.setattr(threading, "excepthook", lambda *_: None)
        told = scene.carry(BTC)
        server.cut()
        until(lambda: not mailbox_of(scene.ref).helpers[0].is_alive())
    assert "died" in str(told.wait_one(StreamDown).error)
    assert told.wait(StreamUp, 2)[1].epoch == 2


def test_a_handshake_refused_for_a_time_holds_up_every_socket_of_the_pool(start, server):
    allowance = Allowance(6000, 300)
    server.refuse = {"status": HTTPStatus.TOO_MANY_REQUESTS, "retry_after": "60"}
    first, second = start(allowance=allowance), start(allowance=allowance)
    refused = first.subscribe(BTC).wait_one(StreamDown).error
    assert (type(refused), refused.retry_after) == (HandshakeRefusedError, 60.0)
    until(lambda: 30 < first.status().retry_in <= 60)
    second.subscribe(ETH)
    until(lambda: 30 < second.status().retry_in <= 60)
    assert (len(server.handshakes.seen), first.status().error) == (1, str(refused))
    first.unsubscribe(BTC)
    first.subscribe(ETH)
    assert 30 < first.status().retry_in <= 60, "the exchange's wait does not end with the last stream"
    assert len(server.handshakes.seen) == 1
    assert allowance.take_weight(5) == 0.0, "snapshots are another matter"


def test_a_ban_at_the_handshake_is_the_addresss(start, server):
    allowance = Allowance(6000, 300)
    server.refuse = {"status": HTTPStatus.IM_A_TEAPOT, "retry_after": "60"}
    scene = start(allowance=allowance)
    scene.subscribe(BTC)
    until(lambda: 30 < scene.status().retry_in <= 60)
    assert allowance.take_weight(5) > 30


def test_a_handshake_that_is_refused_for_a_moment_is_tried_again_after_it(start, server):
    server.refuse = {"status": HTTPStatus.FORBIDDEN, "retry_after": "1"}
    scene = start()
    told = scene.subscribe(BTC)
    told.wait(StreamDown)
    server.refuse = None
    told.wait(StreamUp)
    first, second = server.handshakes.seen
    assert second - first >= 1.0
