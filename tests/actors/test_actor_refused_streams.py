"""What becomes of refused streams: halves are asked for, one alone is reported and sent away, too many go elsewhere."""

from itertools import count

import pytest

from depthactors import binance, markets
from depthactors.actors import refused_streams
from depthactors.actors.book_messages import StreamDown
from depthactors.actors.connection import SocketContext
from depthactors.actors.receivers import Receivers
from depthactors.actors.refusals import Refusals
from depthactors.actors.refused_streams import RefusedStreams
from depthactors.actors.supervisor_messages import StreamsRefused
from depthactors.dispatcher.mailbox import mailbox_of
from depthactors.errors import StreamError, SubscriptionError
from depthactors.net.network import SocketNetwork
from depthactors.net.settings import NetworkSettings
from depthactors.pacing import Backoff

STREAMS = (b"a@depth", b"b@depth", b"c@depth")
POLICY = StreamError("closed by the peer", close_code=1008)


class FakeConnection:
    """Notes what it is to ask for, and whether it was aborted."""

    epoch = 7

    def __init__(self, carried=0, unanswered=()):
        self.carried, self.refused_requests, self.has_served = carried, 0, False
        self.asked, self.aborted, self.pending = [], False, list(unanswered)

    def subscribe_apart(self, groups):
        self.asked += groups

    def unanswered(self):
        return self.pending

    def abort(self, _reason=None):
        self.aborted = True


class Scene:
    def __init__(self, actors):
        owner, _ = actors.probe()
        self.book, self.told = actors.probe()
        self.supervisor, self.reported = actors.probe()
        self.receivers, self.refusals = Receivers(), Refusals(Backoff(first=600.0, cap=600.0))
        for stream in STREAMS:
            self.receivers.put(stream, self.book)
        context = SocketContext(
            name="socket-1",
            owner=owner,
            mailbox=mailbox_of(owner),
            market=markets.SPOT,
            network=SocketNetwork(NetworkSettings()),
            settings=NetworkSettings(),
            epochs=count(1),
            request_ids=count(1),
            receivers=self.receivers,
            refusals=self.refusals,
        )
        self.streams = RefusedStreams(context, self.supervisor)


@pytest.fixture
def scene(actors):
    return Scene(actors)


def test_of_a_request_for_several_each_half_is_asked_for(scene):
    connection = FakeConnection()
    scene.streams.refused(connection, STREAMS, "no", 2)
    assert (connection.asked, connection.refused_requests) == ([STREAMS[:1], STREAMS[1:]], 1)
    assert scene.told.seen == scene.reported.seen == []


def test_a_stream_refused_alone_is_reported_to_its_book_once_and_then_carried_elsewhere(scene):
    connection = FakeConnection()
    for _ in range(3):
        scene.streams.refused(connection, STREAMS[:1], "no", 2)
    down = scene.told.wait_one(StreamDown)
    assert (down.epoch, type(down.error), "a@depth" in str(down.error)) == (7, SubscriptionError, True)
    assert scene.reported.wait(StreamsRefused, 2) == [StreamsRefused("socket-1", ("a@depth",), is_full=False)] * 2
    assert (len(scene.told.of(StreamDown)), connection.asked) == (1, [])


def test_only_a_stream_refused_alone_is_a_reason_why_there_is_no_data(scene, monkeypatch):
    notices = []
    monkeypatch.setattr(refused_streams.logger, "notice", lambda cause, *_: notices.append(cause))
    scene.streams.refused(FakeConnection(), STREAMS, "no", 2)
    assert notices == []
    scene.streams.refused(FakeConnection(), STREAMS[:1], "no", 2)
    assert notices == [("refused", markets.SPOT.stream_url, STREAMS[0])]


@pytest.mark.parametrize(("carried", "sent_away"), [(5, STREAMS), (0, STREAMS[1:])], ids=["some are up", "none is up"])
def test_streams_beyond_what_a_connection_may_carry_are_carried_elsewhere(scene, carried, sent_away):
    connection = FakeConnection(carried=carried)
    scene.streams.refused(connection, STREAMS, "too many", binance.TOO_MANY_STREAMS)
    names = tuple(stream.decode() for stream in sent_away)
    assert scene.reported.wait_one(StreamsRefused) == StreamsRefused("socket-1", names, is_full=True)
    assert (connection.aborted, connection.asked) == (not carried, [])


def test_a_stream_that_is_too_many_by_itself_is_refused_like_any_other(scene):
    connection = FakeConnection()
    scene.streams.refused(connection, STREAMS[:1], "too many", binance.TOO_MANY_STREAMS)
    assert scene.told.wait_one(StreamDown).epoch == 7
    assert (connection.aborted, scene.reported.seen) == (False, []), "no other connection would carry it"


def test_what_nobody_follows_any_more_is_not_asked_for(scene):
    scene.receivers.pop(STREAMS[1])
    connection = FakeConnection()
    scene.streams.refused(connection, STREAMS, "no", 2)
    assert connection.asked == [STREAMS[:1], STREAMS[2:]]


@pytest.mark.parametrize(("error", "blamed"), [(POLICY, True), (StreamError("cut"), False)], ids=["a rule", "a cut"])
def test_what_was_asked_for_last_is_blamed_for_an_end_that_says_that_a_rule_was_broken(scene, error, blamed):
    scene.streams.ended(FakeConnection(unanswered=[STREAMS]), error)
    assert (STREAMS[0] in scene.refusals) is blamed


@pytest.mark.parametrize(
    ("streams", "words"),
    [
        (STREAMS, "the exchange refused a@depth or one of 2 more: no"),
        (STREAMS[:1], "the exchange refused a@depth: no"),
        ((), "the exchange refused a request: no"),
    ],
    ids=["several", "one", "none"],
)
def test_the_log_names_what_was_refused(scene, caplog, streams, words):
    caplog.set_level("INFO")
    scene.streams.refused(FakeConnection(), streams, "no", 2)
    assert words in caplog.text
