"""The lanes of a manager: one for all its streams, or one a book that ends with the book's last stream."""

import pytest

from depthactors import DepthEngine
from depthactors.errors import UsageError
from depthactors.python_binance.callback_threads import CallbackThreads


class Subscription:
    def __init__(self, symbol, cell=None):
        self.symbol, self._cell = symbol, cell or object()


FIRST, SECOND = Subscription("BTCUSDT"), Subscription("ETHUSDT")
AGAIN = Subscription("BTCUSDT", FIRST._cell)


@pytest.fixture
def new():
    made = []

    def new(kind):
        made.append(CallbackThreads(kind, DepthEngine()))
        made[-1].start()
        return made[-1]

    yield new
    for each in made:
        each.close()
        assert each.join(10)


def test_a_manager_has_one_lane_for_all_its_streams_which_outlives_them(new):
    threads = new("manager")
    lane = threads.lane_for(FIRST)
    assert threads.lane_for(SECOND) is lane
    threads.leave(FIRST)
    threads.leave(SECOND)
    assert (lane.thread.is_alive(), threads.lane_for(FIRST)) == (True, lane)


def test_a_book_has_a_lane_for_all_its_streams_which_ends_with_the_last(new):
    threads = new("book")
    lane, other = threads.lane_for(FIRST), threads.lane_for(SECOND)
    assert (threads.lane_for(AGAIN) is lane, other is lane, "BTCUSDT" in lane.thread.name) == (True, False, True)
    for _ in range(3):
        threads.leave(FIRST)
    assert threads.lane_for(FIRST) is lane
    threads.leave(FIRST)
    threads.leave(AGAIN)
    lane.thread.join(10)
    assert (lane.thread.is_alive(), other.thread.is_alive()) == (False, True)
    assert threads.lane_for(FIRST) is not lane


def test_a_lane_that_is_asked_for_after_the_close_calls_nobody(new):
    threads = new("book")
    threads.close()
    lane = threads.lane_for(FIRST)
    lane.thread.join(10)
    assert not lane.thread.is_alive()


def test_another_kind_is_refused():
    with pytest.raises(UsageError, match="threads='manager' or 'book', was 'one'"):
        CallbackThreads("one", DepthEngine())
