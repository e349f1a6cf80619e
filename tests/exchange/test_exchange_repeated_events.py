from functools import cache
from itertools import pairwise

import orjson

from depthactors import markets
from depthactors.exchange.feeds.repeated_events import COPY_EVERY, RepeatedEvents
from tests.exchange.exchange_support import SYMBOLS, Replay
from tests.support import table

ROWS = [markets.SPOT, markets.US, markets.USDM, markets.COINM, markets.OPTIONS]
STEPS = 2 * COPY_EVERY + 9


@cache
def tape_of(row=markets.USDM, steps=STEPS, seed=1):
    return RepeatedEvents(row, steps, seed=seed, levels=5.0, depth=40)


def sides(tape, place):
    _, _, bids, asks = tape.event(place)
    return orjson.loads(orjson.dumps({"b": bids, "a": asks}))


def replay_of(tape):
    bids, asks = tape.book_before(0).cut()
    return Replay({"lastUpdateId": 0, "bids": bids, "asks": asks})


def frames(tape):
    return [tape.event(place)[:2] for place in range(len(tape))]


@table("row", ROWS)
def test_a_round_is_the_steps_asked_for_and_the_way_back(row):
    tape = tape_of(row)
    assert len(tape) == STEPS + 1
    book = replay_of(tape)
    first = book.book()
    for place in range(len(tape)):
        last = tape.event(place)[1]
        previous = tape.end_before(place)
        book.apply(sides(tape, place) | {"U": tape.event(place)[0], "u": last, "pu": previous})
    assert book.book() == first
    assert book.last_id == tape.span


@table("row", ROWS)
def test_ids_rise_from_the_first_event_with_holes_only_where_the_market_has_them(row):
    ranges = frames(tape_of(row))
    holes = [after[0] - before[1] - 1 for before, after in pairwise([(0, 0), *ranges])]
    assert all(first <= last for first, last in ranges)
    assert min(holes) == 0
    assert (max(holes) > 0) is (row.sequencing is markets.Sequencing.CHAINED)


@table("place", [0, 1, COPY_EVERY - 1, COPY_EVERY, COPY_EVERY + 1, 2 * COPY_EVERY, STEPS])
def test_the_book_before_any_place_is_a_replays(place):
    tape = tape_of()
    book = replay_of(tape)
    for at in range(place):
        book.apply(sides(tape, at) | {"U": 0, "u": tape.event(at)[1], "pu": tape.end_before(at)})
    truth = tape.book_before(place).truth(SYMBOLS["usdm"], 0)
    assert (truth.bids, truth.asks) == book.book()
    assert truth.bids[0][0] < truth.asks[0][0]


def test_a_returned_book_can_be_changed_alone():
    tape = tape_of()
    before = tape.book_before(5).cut()
    tape.book_before(5).apply({"b": [["1", "1"]], "a": []})
    assert tape.book_before(5).cut() == before


def test_a_place_and_the_id_before_it_are_two_names_of_one_book():
    tape = tape_of()
    for place in range(len(tape)):
        assert tape.place_after(tape.end_before(place)) == place
    assert tape.place_after(tape.span) == len(tape)


def test_an_id_at_which_nothing_ended_has_no_place():
    tape = tape_of()
    ends = {0, *(last for _, last in frames(tape))}
    inside = [update_id for update_id in range(tape.span + 50) if update_id not in ends]
    assert len(inside) > 100
    assert {tape.place_after(update_id) for update_id in [*inside, -1]} == {None}


def test_a_seed_makes_the_same_repetition_and_another_one_another():
    first = RepeatedEvents(markets.SPOT, 20, seed=1, levels=5.0, depth=40)
    again = RepeatedEvents(markets.SPOT, 20, seed=1, levels=5.0, depth=40)
    other = RepeatedEvents(markets.SPOT, 20, seed=2, levels=5.0, depth=40)
    assert frames(first) == frames(again) != frames(other)
    assert [sides(first, place) for place in range(21)] == [sides(again, place) for place in range(21)]


def test_steps_in_which_nothing_happens_are_left_out():
    tape = RepeatedEvents(markets.SPOT, 60, seed=1, levels=0.2, depth=40)
    assert len(tape) == 61
    for place in range(60):
        assert any(sides(tape, place).values())


def test_a_repetition_of_one_step_leads_there_and_back():
    tape = RepeatedEvents(markets.SPOT, 1, seed=1, levels=5.0, depth=40)
    assert len(tape) == 2
    assert {price for price, _ in sides(tape, 0)["b"]} == {price for price, _ in sides(tape, 1)["b"]}
