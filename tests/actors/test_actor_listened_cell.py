"""What all cells have: answers without a message, and listeners that a signal handler may change at any time."""

import signal
import sys

import pytest

from depthactors import binance
from depthactors.actors.cell import Listener
from depthactors.actors.local_cell import LocalCell
from depthactors.actors.questions import Best, DepthTo, Full, Status, Top
from depthactors.book import BookState, OrderBook
from depthactors.errors import CallbackError, LifecycleError, UsageError
from depthactors.pacing import USUAL
from tests.actors.actor_support import spec
from tests.stepped import SteppedDispatcher

BIDS, ASKS = [99.0, 1.5, 98.0, 1.0], [101.0, 2.5, 102.0, 3.0]


@pytest.fixture
def cell():
    return LocalCell(spec(), USUAL, SteppedDispatcher())


@pytest.fixture
def book():
    return OrderBook("BTCUSDT", binance.Snapshot(7, 0, 100, (2, 1), BIDS, ASKS), depth=10, whole=True)


def test_each_question_is_answered_from_the_book(cell, book):
    cell.publish(book, BookState.LIVE)
    assert cell.read(Top(1)).bids == cell.read(Best()).bids == ((99.0, 1.5),)
    assert cell.read(Full()).asks == ((101.0, 2.5), (102.0, 3.0))
    assert cell.read(DepthTo("bid", 98.5)) == ((99.0, 1.5),)
    assert cell.read(Status()).last_update_id == 7


def test_a_book_in_the_middle_of_a_change_is_the_actors_to_answer_for(cell, book):
    cell.publish(book, BookState.LIVE)
    book.version += 1
    assert [cell.read(question) for question in (Top(1), Full(), DepthTo("bid", 98.5))] == [None, None, None]


def test_what_is_no_question_is_refused(cell):
    with pytest.raises(UsageError, match=r"expected a question to a book .*, was str"):
        cell.read("how are you")


def test_in_a_fork_the_book_is_stopped_for_the_reason_given(cell, book):
    cell.publish(book, BookState.LIVE)
    error = LifecycleError("this is a fork")
    cell.detach(error)
    assert (cell.state, cell.error, cell.settled.is_set()) == (BookState.STOPPED, error, True)
    assert cell.view(1, float).bids == ((99.0, 1.5),)


@pytest.mark.parametrize("raises", [False, True], ids=["event returns", "event raises, too"])
def test_the_first_exception_of_each_function_is_reported_to_event_and_to_on_error(cell, raises):
    reported, events = [], []

    def event(news):
        events.append(news)
        if raises:
            raise ZeroDivisionError

    cell.report = reported.append
    listener = Listener(lambda _book: None, event)
    cell.add(listener)
    failure = CallbackError("update raised")
    for _ in range(2):
        cell.callback_failed(listener, "update", failure)
    assert [news.error for news in events] == [failure], "an exception of event is not reported to event"
    assert reported[0] is failure
    assert len(reported) == 1 + raises
    assert (cell.counted().callback_errors, set(listener.raised)) == (
        raises,
        {"update", "event"} if raises else {"update"},
    )


class Counted(Listener):
    """A listener that has skipped so many updates and whose functions have raised as often."""

    def __init__(self, count):
        super().__init__(None, None)
        self.skipped = self.failures = count


def test_counters_are_the_sums_over_the_listeners_of_now_and_before(cell):
    listeners = [Counted(1), Counted(3), Counted(5)]
    for each in listeners:
        cell.add(each)
    cell.counters.coalesced, cell.counters.callback_errors = 7, 9
    sums = 7 + 1 + 3 + 5, 9 + 1 + 3 + 5
    for each in [None, *listeners]:
        if each is not None:
            cell.remove(each)
        assert (cell.counted().coalesced, cell.counted().callback_errors) == sums
    assert (cell.counters.coalesced, cell.counters.callback_errors) == (7, 9), "a count changes nothing"


def test_a_signal_handler_removes_a_listener_while_its_thread_counts(cell):
    class Interrupting(Listener):
        @property
        def skipped(self):
            signal.raise_signal(signal.SIGINT)
            return 1

    listener = Interrupting(None, None)
    cell.add(listener)
    before = signal.signal(signal.SIGINT, lambda *_: cell.remove(listener))
    try:
        cell.counted()
    finally:
        signal.signal(signal.SIGINT, before)
    assert (listener.closed, cell.listeners) == (True, ())


@pytest.mark.parametrize("ending", [False, True], ids=["begin", "end"])
def test_what_a_signal_handler_changes_in_the_middle_of_a_change_is_not_lost(cell, ending):
    kept, gone = Listener(None, None), Listener(None, None)
    cell.add(kept)
    cell.add(gone)
    begun, ended = [], []

    def interrupt(_frame, _event, _argument):
        # At each line of the change, as a handler may come.
        begun.append(Listener(None, None))
        cell.add(begun[-1])
        if ending and begun[0] not in ended:
            ended.append(begun[0])
            cell.remove(begun[0])
        return interrupt

    before = sys.gettrace()
    sys.settrace(interrupt)
    try:
        cell.remove(gone)
    finally:
        sys.settrace(before)
    cell.add(last := Listener(None, None))
    assert len(begun) > 5
    assert cell.listeners == (kept, *begun[ending:], last)
