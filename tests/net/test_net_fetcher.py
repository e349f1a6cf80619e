"""The thread that fetches: requests in order, a reply for each, and an end that fails what is under way."""

import threading
from queue import SimpleQueue

import pytest

from depthactors import markets
from depthactors.binance import DepthReply
from depthactors.errors import SnapshotError
from depthactors.net.fetcher import FetchingThread
from tests.support import PATIENCE

NO = SnapshotError("no")


class Client:
    """Waits until the test lets it answer."""

    def __init__(self):
        self.may_answer, self.done, self.is_closed = threading.Event(), [], False

    def fetch_depth(self, market, symbol, limit, request):
        self.done.append((market, symbol, limit, request))
        if symbol == "BROKEN":
            raise ZeroDivisionError
        assert self.may_answer.wait(PATIENCE)
        return DepthReply(NO)

    def cut(self, request):
        self.done.append(("cut", request))

    def abort(self):
        self.may_answer.set()

    def close(self):
        self.is_closed = True


@pytest.fixture
def client():
    return Client()


@pytest.fixture
def replies():
    return SimpleQueue()


@pytest.fixture
def fetching(client, replies):
    fetching = FetchingThread("fetcher", client, lambda *reply: replies.put(reply))
    fetching.start()
    yield fetching
    fetching.abort()
    fetching.thread.join(PATIENCE)
    assert not fetching.thread.is_alive()
    assert client.is_closed


def test_requests_are_sent_in_order_and_each_is_answered(fetching, client, replies):
    client.may_answer.set()
    for number, symbol in enumerate(["BTCUSDT", "ETHUSDT", "BNBUSDT"]):
        fetching.fetch(number, markets.SPOT, symbol, 100)
    assert [replies.get(timeout=PATIENCE) for _ in range(3)] == [(number, DepthReply(NO)) for number in range(3)]
    assert client.done[1] == (markets.SPOT, "ETHUSDT", 100, 1)


def test_what_a_request_raises_is_its_own_failure(fetching, client, replies):
    client.may_answer.set()
    fetching.fetch(1, markets.SPOT, "BROKEN", 100)
    fetching.fetch(2, markets.SPOT, "BTCUSDT", 100)
    number, reply = replies.get(timeout=PATIENCE)
    assert (number, str(reply.result)) == (1, "BROKEN: ZeroDivisionError: ")
    assert replies.get(timeout=PATIENCE) == (2, DepthReply(NO))


def test_the_end_fails_the_request_under_way_and_begins_no_other(fetching, client, replies):
    fetching.fetch(1, markets.SPOT, "BTCUSDT", 100)
    fetching.cut(1)
    fetching.abort()
    assert replies.get(timeout=PATIENCE) == (1, DepthReply(NO))
    fetching.thread.join(PATIENCE)
    assert ("cut", 1) in client.done
