from depthactors import markets
from depthactors.exchange.flow_feed import FlowFeed
from depthactors.exchange.hub import Hub


class Listener:
    def __init__(self):
        self.got = []
        self.waits = []

    def deliver(self, name, payload, enveloped):
        self.got.append((name, payload, enveloped))

    def wait_for_room(self, *, hurried):
        self.waits.append(hurried)


def test_event_goes_to_each_subscription_under_its_own_name():
    hub, feed, other = Hub(), FlowFeed("BTCUSDT", markets.SPOT), FlowFeed("ETHUSDT", markets.SPOT)
    first, second = Listener(), Listener()
    hub.add(first, [("btcusdt@depth", feed)])
    hub.add(first, [("btcusdt@depth", feed)])
    hub.add(second, [("btcusdt@depth@100ms", feed), ("ethusdt@depth", other)])
    hub.publish(feed, b"{}")
    assert first.got == [("btcusdt@depth", b"{}", b'{"stream":"btcusdt@depth","data":{}}')]
    assert second.got == [("btcusdt@depth@100ms", b"{}", b'{"stream":"btcusdt@depth@100ms","data":{}}')]
    hub.wait_for_room(feed)
    feed.speed = None
    hub.wait_for_room(feed)
    assert first.waits == second.waits == [True, False]


def test_one_encoding_serves_all_clients_of_a_stream():
    hub, feed = Hub(), FlowFeed("BTCUSDT", markets.SPOT)
    first, second = Listener(), Listener()
    hub.add(first, [("btcusdt@depth", feed)])
    hub.add(second, [("btcusdt@depth", feed)])
    hub.publish(feed, b"{}")
    assert first.got[0][2] is second.got[0][2]


def test_removed_client_gets_no_more():
    hub, feed = Hub(), FlowFeed("BTCUSDT", markets.SPOT)
    first, second = Listener(), Listener()
    for listener in (first, second):
        hub.add(listener, [("btcusdt@depth", feed)])
    hub.remove(first, [("btcusdt@depth", feed), ("btcusdt@depth@100ms", feed)])
    hub.publish(feed, b"{}")
    assert (len(first.got), len(second.got)) == (0, 1)
    hub.remove(second, [("btcusdt@depth", feed)])
    hub.publish(feed, b"{}")
    assert len(second.got) == 1
