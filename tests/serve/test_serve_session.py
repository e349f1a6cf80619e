"""A session beside a connection that has room at times, and is partly full at others."""

import threading
from contextlib import suppress
from random import Random

import orjson
import pytest
from websockets.exceptions import ConnectionClosedOK

from depthactors.serve.feed import Feed
from depthactors.serve.followed_stream import FollowedStream
from depthactors.serve.session import Session
from depthactors.sharing.listing import SharedBook
from tests.serve.serve_support import view_of
from tests.support import until

BOOK = SharedBook("BTCUSDT", "spot", 100, 100)


class FakeWire:
    """Takes what it is offered, or a part of it, or nothing, as `offers` says: "all", "part", "none"."""

    def __init__(self, offers=lambda: "all"):
        self.offers = offers
        self.sent = []
        self.orders = []
        self.is_closed = False
        self.kept = []
        self.mutex = threading.Lock()

    @property
    def is_behind(self):
        return bool(self.kept)

    def take(self):
        if self.is_closed:
            raise ConnectionClosedOK(None, None)
        return self.orders.pop(0) if self.orders else None

    def offer(self, messages):
        kind = self.offers()
        if self.kept or kind == "none":
            return False
        messages = list(map(orjson.loads, messages))
        cut = len(messages) - (kind == "part")
        self.sent += messages[:cut]
        self.kept = messages[cut:]
        return True

    def complete(self):
        self.sent += self.kept
        self.kept = []

    def send_text(self, message):
        assert not self.kept, "between the parts of a message"
        self.sent.append(orjson.loads(message))


class Scene:
    def __init__(self, **options):
        self.feed = Feed(BOOK, view_of({1.0: 1.0}, {}), None)
        self.wire = FakeWire(**options)
        self.requests = []
        self.session = Session(self.wire, lambda _: self.feed, self.requests.append)
        self.thread = threading.Thread(target=self.run)

    def run(self):
        with suppress(ConnectionClosedOK):
            self.session.run()

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.wire.is_closed = True
        self.session.wake()
        self.thread.join(5)
        assert not self.thread.is_alive()

    def order(self, **words):
        self.wire.orders.append(orjson.dumps({"op": "subscribe", "symbol": "BTCUSDT"} | words))
        self.session.wake()

    def kinds(self):
        return [each["type"] for each in self.wire.sent]

    def update(self, number):
        self.feed._put(view_of({1.0: float(number)}, {}, number), None, conflated=False)


def test_news_is_sent_by_the_sender_s_thread_where_there_is_room():
    with Scene() as scene:
        scene.order()
        until(lambda: scene.kinds() == ["subscribed", "snapshot"])
        scene.update(2)
        assert scene.requests == [scene.session]
        scene.session.send_at_once(is_alive=False)
        assert scene.kinds() == ["subscribed", "snapshot", "delta"]
        scene.session.send_at_once(is_alive=True)
        assert scene.kinds()[3:] == ["alive"]


@pytest.mark.parametrize("kind", ["none", "part"])
def test_what_has_no_room_is_sent_by_the_session_s_own_thread(kind):
    with Scene(offers=lambda: kind) as scene:
        scene.order()
        until(lambda: len(scene.wire.sent) == 2)
        scene.update(2)
        scene.session.send_at_once(is_alive=True)
        until(lambda: len(scene.wire.sent) == 4)
        assert sorted(scene.kinds()[2:]) == ["alive", "delta"]


@pytest.mark.parametrize("seed", range(5))
def test_whoever_sends_each_message_comes_once_and_in_order(seed):
    random = Random(seed)
    with Scene(offers=lambda: random.choice(["all", "part", "none"])) as scene:
        scene.order()
        until(lambda: len(scene.wire.sent) == 2)
        for number in range(2, 200):
            scene.update(number)
            scene.session.send_at_once(is_alive=random.random() < 0.1)
        until(lambda: scene.wire.sent[-1].get("n", 0) == 199 or "alive" in scene.kinds()[-2:])
        until(lambda: any(each.get("n") == 199 for each in scene.wire.sent))
    followed = FollowedStream("BTCUSDT")
    for message in scene.wire.sent:
        if message["type"] in ("snapshot", "delta"):
            followed.take(message)
    assert followed.view.bids == ((1.0, 199.0),)


def test_the_end_of_the_connection_leaves_no_stream():
    with Scene() as scene:
        scene.order(levels=5)
        until(lambda: scene.feed.is_read)
    assert not scene.feed.is_read


def test_a_second_subscription_brings_a_snapshot():
    with Scene() as scene:
        scene.order()
        scene.order(id=2)
        until(lambda: scene.kinds().count("subscribed") == 2 and scene.kinds()[-1] == "snapshot")


def test_the_number_of_subscriptions_is_bounded(monkeypatch):
    monkeypatch.setattr("depthactors.serve.session.MOST_SUBSCRIPTIONS", 1)
    with Scene() as scene:
        scene.order(levels=1)
        scene.order(levels=2, id=7)
        until(lambda: "error" in scene.kinds())
        (error,) = [each for each in scene.wire.sent if each["type"] == "error"]
        assert (error["id"], error["code"]) == (7, "too_many_subscriptions")
