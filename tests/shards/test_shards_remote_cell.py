"""A book of another process, as it is read out of its slot here."""

from dataclasses import replace
from decimal import Decimal

import pytest

from depthactors import BookState
from depthactors.binance import Snapshot
from depthactors.book import OrderBook
from depthactors.errors import StreamError
from depthactors.markets import SPOT
from depthactors.shards.messages import BooksUpdated
from depthactors.sharing.record import pack, reason, shown_state
from tests.shards.shard_support import PATIENCE, FollowedBook, Silent, end, spec_of
from tests.support import Recorder, flat

BIDS = tuple((100.0 - each, 1.0) for each in range(1, 21))
ASKS = tuple((100.0 + each, 2.0) for each in range(1, 21))


def record(depth=5, state=BookState.LIVE, update_id=7):
    book = OrderBook("BTCUSDT", Snapshot(update_id, 5, 1000, (0, 0), flat(BIDS), flat(ASKS)), depth=20, recv_time=10.0)
    return pack(book, depth, state, float)


class Shown:
    """A cell, and the worker's end of its slot."""

    def __init__(self, folder):
        self.folder = folder
        self.cell = FollowedBook(folder, spec_of(SPOT)).cell
        self.writer = self.cell._slot.again()

    @property
    def record(self):
        return self.cell._reader.read()[1]

    @property
    def why(self):
        return reason(self.record)


@pytest.fixture
def shown(folder):
    return Shown(folder)


def test_the_state_of_the_book_is_that_of_its_slot(shown):
    cell = shown.cell
    assert (cell.state, cell.state_of(5), cell.view(5, float).bids) == (BookState.SYNCING, BookState.SYNCING, ())
    shown.writer.write(record())
    view = cell.view(5, float, 5)
    assert (view.state, view.bids, view.asks) == (BookState.LIVE, BIDS[:5], ASKS[:5])
    assert cell.view(2, Decimal).bids == tuple((Decimal(price), Decimal(1)) for price, _ in BIDS[:2])
    assert cell.shown(5).bids == cell.shown(0).bids == BIDS[:5]
    shown.writer.mark(behind=True)
    assert (cell.state_of(5), cell.view(5, float).state, cell.shown(5)) == (BookState.STALE, BookState.STALE, None)
    shown.writer.mark(behind=False)
    assert cell.state_of(5) is BookState.LIVE


def test_more_levels_than_the_slot_has_are_for_the_worker(shown):
    shown.writer.write(record())
    assert shown.cell.view(6, float) is None
    assert shown.cell.view(None, float) is None
    assert shown.cell.view(5, float, 6) is None
    assert shown.cell.state_of(6) is BookState.STALE


def test_listeners_are_shown_one_update_in_a_turn_whatever_the_worker_writes_meanwhile(shown):
    shown.writer.write(record())
    with shown.cell.held() as latest:
        shown.writer.write(record(update_id=8))
        assert latest == shown.cell.shown(5).last_update_id == shown.cell.shown(2).last_update_id == 7
        assert shown.cell.view(5, float).last_update_id == 8, "a reader sees the latest"
        assert shown.cell.shown(6) is None
    assert shown.cell.shown(5).last_update_id == 8


def test_the_book_of_a_lost_worker_is_stale_and_stays_readable(shown):
    shown.cell.lose("no process")
    assert shown.cell.state_in_slot() is BookState.SYNCING, "there is no book yet"
    shown.writer = shown.cell._slot.again()
    shown.writer.write(record())
    shown.writer.mark(behind=True)
    shown.cell.lose("the process died")
    view = shown.cell.view(5, float)
    assert (view.state, view.bids, view.last_update_id) == (BookState.STALE, BIDS[:5], 7)
    assert shown.why == "the process died"
    # Its successor goes on where it left off.
    shown.cell._slot.again().write(record(update_id=8))
    assert shown.cell.view(5, float).last_update_id == 8
    shown.cell.fail("it keeps dying")
    assert (shown_state(shown.record), shown.why) == (BookState.FAILED, "it keeps dying")


@pytest.mark.parametrize("over", [BookState.STOPPED, BookState.FAILED])
def test_a_slot_that_says_that_the_book_is_over_is_not_believed(shown, over):
    # As an old worker might, or one that lost its mind: this process alone says so.
    shown.writer.write(record(state=over))
    assert (shown.cell.state_in_slot(), shown.cell.state_of(5)) == (BookState.STALE, BookState.STALE)
    assert shown.cell.view(5, float).state is BookState.STALE
    assert not shown.cell.settled.is_set()
    shown.cell.lose("the process died")
    assert (shown_state(shown.record), shown.why) == (BookState.STALE, "the process died")


def test_a_deeper_slot_begins_with_the_present_book_as_stale(shown):
    shown.writer.write(record())
    file, slot = shown.folder.new_book(20)
    shown.cell.change_slot(file, 20, slot, "a deeper book is on the way")
    view = shown.cell.view(5, float)
    assert (view.state, view.bids) == (BookState.STALE, BIDS[:5])
    shown.writer.write(record(update_id=8))
    assert shown.cell.view(5, float).last_update_id == 7, "the former slot is none of its business"
    slot.again().write(record(20, update_id=9))
    view = shown.cell.view(20, float, 20)
    assert (view.state, view.bids, view.last_update_id) == (BookState.LIVE, BIDS, 9)
    assert (shown.cell.place, shown.cell.depth) == (file, 20)


def test_a_book_that_is_over_is_so_whatever_the_slot_says(shown):
    shown.writer.write(record())
    shown.cell.become(BookState.STOPPED)
    assert (shown.cell.state_of(5), shown.cell.view(5, float).state) == (BookState.STOPPED, BookState.STOPPED)
    assert shown.cell.settled.is_set()
    assert shown.cell.shown(5) is None


def test_the_order_to_open_has_all_that_a_worker_needs(shown):
    cell = shown.cell
    cell.reports_updates = True
    opening = cell.opening()
    assert (opening.book_id, opening.spec, opening.place, opening.reports_updates) == (1, cell.spec, cell.place, True)


def test_updates_are_noted_once_until_the_actor_has_looked(shown, dispatcher):
    told = Recorder()
    shown.cell.note_update()
    assert shown.cell.take_note() == (0.0, 0), "without an actor there is nobody to look"
    shown.cell.ref = Silent.start(told, dispatcher)
    for _ in range(4):
        shown.cell.note_update()
    told.wait_for(lambda each: each == BooksUpdated((1,)), PATIENCE)
    assert shown.cell.take_note()[1] == 3
    assert shown.cell.take_note() == (0.0, 0)
    end(shown.cell.ref)
    assert len(told.seen) == 1


def test_a_row_has_what_both_processes_know(shown):
    shown.writer.write(record())
    cell = shown.cell
    here = cell.status()
    assert (here.symbol, here.market, here.depth, here.state) == ("BTCUSDT", "spot", 5, BookState.LIVE)
    assert (here.last_update_id, here.restarts) == (7, 0)
    assert (here.trusted_bids, here.trusted_asks) == (None, None), "only the worker knows"
    assert replace(cell.completed(None), age=here.age) == here
    cell.restarts = 2
    cell.counters.coalesced = 3
    cell.error = StreamError("here")
    there = replace(
        here, error="there", restarts=1, counters=replace(here.counters, coalesced=4, callback_errors=5), trusted_bids=9
    )
    row = cell.completed(there)
    assert (row.error, row.restarts, row.trusted_bids) == ("here", 3, 9)
    assert (row.counters.coalesced, row.counters.callback_errors) == (7, 5)
