"""A REST worker: one request at a time, an answer for each, and an end that waits for nobody."""

import threading

import pytest

from depthactors import markets
from depthactors.actors.rest_worker import Fetched, RestWorker
from depthactors.actors.snapshot_messages import SnapshotWanted
from depthactors.binance import DepthReply
from depthactors.errors import RateLimitedError, SnapshotError
from depthactors.net.allowance import Allowance
from depthactors.net.fetcher import FetchingThread
from depthactors.net.network import SocketNetwork
from depthactors.net.settings import NetworkSettings
from depthactors.sync import Priority
from tests.support import PATIENCE

NO = SnapshotError("no")


class Client:
    """Answers with what the test has put; notes what is done with it."""

    def __init__(self):
        self.answers, self.done, self.closed = [], [], threading.Event()

    def fetch_depth(self, _market, symbol, limit, request):
        self.done.append((symbol, limit, request))
        answer = self.answers.pop(0)
        if isinstance(answer, BaseException):
            raise answer
        return answer

    def cut(self, request):
        self.done.append(("cut", request))

    def abort(self):
        self.done.append("abort")

    def close(self):
        self.closed.set()


class ClientNetwork(SocketNetwork):
    """A network whose depth requests this client handles."""

    def __init__(self, client):
        super().__init__(NetworkSettings())
        self._client = client

    def fetcher(self, name, on_reply):
        return FetchingThread(name, self._client, on_reply)


@pytest.fixture
def client():
    return Client()


@pytest.fixture
def owner(actors):
    return actors.probe()


@pytest.fixture
def allowance():
    return Allowance(6000, 300)


@pytest.fixture
def worker(owner, client, allowance):
    worker = RestWorker("rest", owner[0], ClientNetwork(client), allowance)
    worker.start()
    yield worker
    worker.abort()
    worker.thread.join(PATIENCE)
    assert client.closed.is_set()


def wanted(owner):
    return SnapshotWanted(markets.SPOT, "BTCUSDT", 100, 1, Priority.NEW, owner)


@pytest.mark.parametrize("raised", [ZeroDivisionError("of a bug"), MemoryError(), SystemExit(), KeyboardInterrupt()])
def test_each_request_is_answered_and_what_is_raised_fails_this_one_only(worker, owner, client, raised):
    ref, told = owner
    client.answers = [raised, DepthReply(NO)]
    for number in (7, 8):
        worker.fetch(number, wanted(ref))
        assert worker.request_id == number
        told.wait(Fetched, number - 6)
    first, second = told.of(Fetched)
    assert (first.request_id, type(first.reply.result)) == (7, SnapshotError)
    assert type(raised).__name__ in str(first.reply.result)
    assert second == Fetched(8, DepthReply(NO))
    assert client.done == [("BTCUSDT", 100, 7), ("BTCUSDT", 100, 8)]


def test_a_rate_limit_blocks_the_pool_before_the_actor_hears_of_it(worker, owner, client, allowance):
    ref, told = owner
    client.answers = [DepthReply(RateLimitedError("slow down", status=429, retry_after=60.0, longest=60.0))]
    worker.fetch(1, wanted(ref))
    told.wait(Fetched)
    assert allowance.take_weight(1) > 50


def test_only_a_request_that_was_assigned_is_cut(worker, owner, client):
    worker.cut()
    client.answers = [DepthReply(NO)]
    worker.fetch(3, wanted(owner[0]))
    owner[1].wait(Fetched)
    worker.cut()
    assert client.done == [("BTCUSDT", 100, 3), ("cut", 3)]
