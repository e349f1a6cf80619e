"""What clients saw of a fault is judged, put into words and tabled; both go through one, the peer if installed."""

import sys
import time
from contextlib import ExitStack
from decimal import Decimal
from types import SimpleNamespace

import faults_program
import faults_words
import follow_peers
import pytest
from faults_beside import FILES, OURS, THEIRS, raw
from faults_cases import CASES
from faults_client import SYMBOL
from faults_judge import BOOK, END, ERROR, RAISED, Sighting, Watch, calm_since, sighting, verdict
from faults_program import Ending, Log, Program
from faults_run import Run, run
from faults_stage import MarketFeed

from depthactors.errors import UsageError
from depthactors.exchange import KINDS
from tests.support import table

DROP = CASES[0]
WATCH = Watch(100.0, 120.0, last_id=1_000)
CLEAN = Ending(True, "stopped in 0.1 s")


def truth(update_id):
    """A book that is told by its id; there is none of odd ids."""
    if update_id % 2:
        raise UsageError(str(update_id))
    return SimpleNamespace(bids=((Decimal(update_id), Decimal(1)),), asks=((Decimal(update_id + 1), Decimal(2)),))


TIMES = {update_id: 100.0 + (update_id - 1_000) / 20 for update_id in range(900, 1_500, 2)}


def line(t, update_id, bid=None, ask=None):
    """What a client prints of a book, by default the true one."""
    bids = [[f"{update_id if bid is None else bid}.00", "1.0"]]
    asks = [[f"{update_id + 1 if ask is None else ask}.00", "2.0"]]
    return {"t": t, "update_id": update_id, "bids": bids, "asks": asks}


def seen(*lines):
    return [sighting(each, truth, TIMES) for each in lines]


def steady(begin, end, pause=0.1, **levels):
    """A book every so often, each of the id of its time."""
    count = round((end - begin) / pause)
    times = [begin + pause * number for number in range(count)]
    return [line(t, 1_000 + 2 * round((t - 100.0) * 10), **levels) for t in times]


def judged(*lines, watch=WATCH):
    return verdict(seen(*lines), watch, truth, TIMES)


def as_run(result, ending=CLEAN, calm=True):
    return Run(1, calm, WATCH, [], [], result, ending, Log(0, ""), {})


def words(*lines, **parts):
    return faults_words.seen(as_run(judged(*lines), **parts))


def again(*lines):
    return faults_words.right_again(judged(*lines))


# One call of a callback.


def test_a_book_is_right_that_is_the_true_one_of_its_id():
    right, wrong, crossed = seen(line(101.0, 1_002), line(101.0, 1_002, bid=7), line(101.0, 1_002, ask=1))
    assert (right.kind, right.right, right.crossed) == (BOOK, True, False)
    assert (wrong.right, wrong.crossed) == (False, False)
    assert (crossed.right, crossed.crossed) == (False, True)
    assert right.lag == pytest.approx(0.9)


@pytest.mark.parametrize("update_id", [1_001, None])
def test_a_book_of_no_event_is_wrong_and_of_no_age(update_id):
    (found,) = seen(line(101.0, 1_001) | {"update_id": update_id})
    assert (found.right, found.lag) == (False, None)


def test_an_error_the_end_and_a_failed_call_are_told_apart():
    found = seen({"t": 1.0, "error": "Gone", "m": "why"}, {"t": 1.0, "none": True}, {"t": 1.0, "raised": True})
    assert [each.kind for each in found] == [ERROR, END, RAISED]
    assert (found[0].error, found[0].text) == ("Gone", "why")


def test_other_lines_are_no_calls():
    assert seen({"stopped": True, "seconds": 0.1}, {}) == [None, None]


def test_calm_begins_with_the_first_right_book_after_anything_else():
    right = seen(line(1.0, 1_000), line(2.0, 1_002))
    (wrong,) = seen(line(1.5, 1_004, bid=7))
    assert calm_since(right) == 1.0
    assert calm_since([right[0], wrong, right[1]]) == 2.0
    assert calm_since([*right, wrong]) is None
    assert calm_since([*right, Sighting(3.0, ERROR)]) is None
    assert calm_since([]) is None


# What came of a fault.


def test_a_recovery_is_the_first_right_book_that_is_newer_than_the_fault():
    result = judged(line(99.0, 998), line(100.1, 1_000), line(101.0, 1_020, bid=7), *steady(102.5, 120.0))
    assert result.recovery == pytest.approx(2.5)
    assert result.longest_gap == pytest.approx(2.4), "an old book that is right is a right book"
    assert (result.wrong, result.books_before, result.wrong_before) == (1, 1, 0)


def test_who_has_no_right_book_again_has_no_recovery():
    result = judged(line(99.9, 998), line(100.1, 1_000), line(101.0, 1_020, bid=7))
    assert result.recovery is None
    assert result.longest_gap == result.gap_at_end == pytest.approx(19.9)
    assert result.silence == pytest.approx(19.0)


def test_nothing_at_all_is_one_gap():
    result = judged()
    assert (result.recovery, result.longest_gap, result.silence, result.books) == (None, 20.0, 20.0, 0)


def test_what_comes_after_the_end_does_not_count():
    assert judged(line(120.5, 1_400)).recovery is None


def test_wrong_books_that_were_true_at_another_id_are_told_from_those_that_never_were():
    result = judged(line(101.0, 1_020, bid=1_000, ask=1_001), line(101.1, 1_022, bid=7))
    assert (result.wrong, result.never_true) == (2, 1)


def test_errors_are_counted_by_type_in_their_order():
    told = [{"t": 101.0 + number, "error": kind, "m": ""} for number, kind in enumerate("BAB")]
    assert list(judged(*told).errors.items()) == [("B", 2), ("A", 1)]


def test_the_worst_lag_is_of_the_oldest_book():
    assert judged(line(101.0, 1_020), line(104.0, 1_020)).worst_lag == pytest.approx(3.0)


# Words.

ERROR_LINE = {"t": 101.0, "error": "BinanceWebsocketClosed", "m": "gone"}


@table(
    "lines, expected",
    [
        (steady(100.1, 120.0), "nothing: the next update is right"),
        ([], "nothing: silent for ever"),
        (steady(103.0, 120.0), "nothing: silent for 3.0 s, right updates after"),
        ([ERROR_LINE, *steady(102.0, 120.0)], "error BinanceWebsocketClosed, then updates"),
        ([ERROR_LINE, ERROR_LINE], "error BinanceWebsocketClosed 2 times, then silent for ever"),
        ([ERROR_LINE, {"t": 102.0, "none": True}], "error BinanceWebsocketClosed, None, then silent for ever"),
        ([line(100.1, 1_002, bid=7), *steady(100.2, 120.0)], "nothing: a wrong book, right ones after"),
        (steady(100.1, 120.0, bid=7), "nothing: wrong books for ever"),
        (steady(100.1, 104.0, bid=7), "nothing: 39 wrong books, silent for ever after"),
        (
            [line(102.1, 1_002), *steady(102.2, 120.0)],
            "nothing: silent for 2.1 s, right updates after, up to 2.0 s late",
        ),
    ],
)
def test_what_was_seen_is_said_in_a_few_words(lines, expected):
    assert words(*lines) == expected


def test_many_kinds_of_errors_are_cut_short():
    told = [{"t": 101.0, "error": kind, "m": ""} for kind in "ABCDEF"]
    assert words(*told) == "error A, error B, error C, error D, 2 other errors, then silent for ever"


def test_a_client_that_does_not_stop_or_was_never_right_is_told():
    text = words(*steady(100.1, 120.0), ending=Ending(False, "killed"), calm=False)
    assert text == "nothing: the next update is right; not right before, either; killed"


@table(
    "lines, expected",
    [
        (steady(100.2, 120.0), "0.2"),
        ([], "never"),
        ([*steady(100.2, 103.0), *steady(108.0, 120.0)], "0.2, later 5.1 without"),
        (steady(100.2, 103.1), "0.2, none after 3.0"),
    ],
)
def test_when_it_was_right_again(lines, expected):
    assert again(*lines) == expected


def test_a_row_has_both_clients_and_a_mark_for_one_that_is_missing():
    result = as_run(judged(line(100.1, 1_002, bid=7), *steady(100.2, 120.0)))
    assert faults_words.table_row("a | b", result, None) == (
        "| a / b | nothing: a wrong book, right ones after | 0.2 | not run |  | 1 of 199 / - |"
    )
    assert faults_words.table_row("a", None, result).startswith("| a | not run |  | nothing: a wrong book")
    head, rule = faults_words.table_head("ours", "theirs").splitlines()
    assert head.count("|") == rule.count("|") == 7


# The cases and the exchange.


def test_each_kind_of_fault_has_a_case():
    assert set(KINDS) <= {case.name for case in CASES}
    assert len({case.name for case in CASES}) == len(CASES)


def test_a_market_goes_on_while_its_exchange_is_away():
    feed = MarketFeed(SYMBOL, lagging=True)
    first_due = feed.due()
    feed.step(tickers=False)
    before = feed.last_id
    feed.trade_unseen(2.0)
    assert feed.last_id > before
    assert feed.due() == pytest.approx(first_due), "the next exchange begins at once"
    assert len(feed.times) >= 10


# The program of a client.


@pytest.fixture
def program(tmp_path):
    """Run a source in the place of a client."""
    with ExitStack() as stack:

        def start(source):
            file = tmp_path / "client.py"
            file.write_text(source)
            return stack.enter_context(Program(file, sys.executable, 1))

        yield start


def soon():
    return time.monotonic() + 30.0


def test_a_program_may_print_anything_else(program):
    running = program("print('hello'); print(17); print('{\"t\": 1}')")
    assert running.line(soon()) == {"t": 1}
    assert running.line(0.0) is None


def test_a_program_that_fails_is_told_with_its_last_words(program):
    running = program("import sys; input(); sys.exit('no such exchange')")
    running.order("go")
    running._reader.join(30.0)
    ending = running.stop()
    assert not ending.clean
    assert "status 1" in ending.how
    assert running.log() == Log(len("no such exchange\n"), "no such exchange\n")


def test_a_program_that_stops_as_told_has_a_clean_end(program):
    ending = program('input(); print(\'{"stopped": true, "seconds": 0.2}\')').stop()
    assert ending == Ending(True, "stopped in 0.2 s")


def test_a_program_whose_thread_lives_on_has_none(program):
    ending = program('input(); print(\'{"stopped": false, "seconds": 5.0}\')').stop()
    assert ending == Ending(False, "its thread is alive 5.0 s after stop()")


def test_a_program_that_hangs_is_killed(program, monkeypatch):
    monkeypatch.setattr(faults_program, "STOP_PATIENCE", 0.1)
    monkeypatch.setattr(faults_program, "EXIT_GRACE", 0.1)
    ending = program("import threading; threading.Event().wait()").stop()
    assert ending == Ending(False, "stop() has not returned after 0.2 s, killed")


# Real runs.


def test_ours_is_right_again_after_a_lost_event():
    result = run(DROP, FILES[OURS], sys.executable, seconds=1.5, calm=0.3)
    assert (result.verdict.wrong, result.verdict.wrong_before, result.verdict.errors) == (0, 0, {}), result
    assert result.verdict.recovery is not None, result
    assert (result.starts, result.calm, result.ending.clean) == (1, True, True), result
    assert result.strikes == {"drop": 1}
    told = raw(DROP, OURS.name, "0", result)
    assert [each["right"] for each in told["sightings"]] == [True] * len(result.sightings)


@pytest.mark.timeout(120)
def test_the_peer_gets_into_the_same_trouble():
    python = follow_peers.interpreter(THEIRS)
    if follow_peers.installed_version(THEIRS, python) is None:
        pytest.skip(f"{python} does not have {THEIRS.name}; {THEIRS.variable} names an interpreter that does")
    result = run(DROP, FILES[THEIRS], python, seconds=3.0, calm=0.5)
    # Whether its books are right is its own business, not that it got some.
    assert result.verdict.books + result.verdict.books_before > 0, result
    assert result.strikes == {"drop": 1}
