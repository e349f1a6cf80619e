"""The soak itself: a short one, and that it would see what it is there to see."""

import subprocess
import sys
import time
from ast import literal_eval
from decimal import Decimal
from pathlib import Path

import pytest

from depthactors import BookEvent, BookState, BookView, DepthEngine
from depthactors.actors.supervision import RESTARTS
from depthactors.pacing import USUAL
from tests.soak.chaos import CAPPED, LEVELS, Chaos
from tests.soak.checker import Checker
from tests.soak.command import RECOVERY
from tests.soak.outages import Outages
from tests.soak.saboteur import Saboteur

ROOT = Path(__file__).parents[2]
SYNCING, LIVE, STALE = BookState.SYNCING, BookState.LIVE, BookState.STALE


def soak(*options):
    """Run the command; return what it printed."""
    command = [sys.executable, "-m", "tests.soak", *map(str, options)]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=110, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    return dict(line.split(": ", 1) for line in run.stdout.splitlines())


@pytest.mark.timeout(120)
def test_a_soak_of_two_seconds_has_no_view_that_is_not_the_truth():
    told = soak("--minutes", 0.03, "--symbols", 3, "--faults", "heavy")
    assert told["mismatches"] == "0"
    assert int(told["views compared"]) > 50
    assert told["faults"] != "{}"
    assert told["live at the end"].startswith("3 of 3")
    assert "0 left after the stop" in told["threads"]


@pytest.mark.proof
@pytest.mark.timeout(120)
@pytest.mark.parametrize("market", ["spot", "usdm"])
def test_a_short_soak_has_no_view_that_is_not_the_truth(market):
    told = soak("--minutes", 0.12, "--symbols", 8, "--market", market)
    assert told["mismatches"] == "0"
    assert int(told["views compared"]) > 300
    assert all(literal_eval(told["log handler"]).values())
    assert told["called after unsubscribe"] == "0"
    assert told["drop-in"].startswith("1 thread, 0 calls after the end; ")
    assert told["drop-in program"].endswith("stopped by []")
    assert told["live at the end"].startswith("8 of 8")
    assert "0 left after the stop" in told["threads"]


@pytest.mark.proof
@pytest.mark.timeout(120)
def test_a_short_soak_with_worker_processes_has_none_either_and_leaves_nothing_behind():
    told = soak("--minutes", 0.12, "--symbols", 8, "--processes", 2, "--end", "supervisor")
    assert told["mismatches"] == "0"
    assert int(told["views compared"]) > 300
    assert "'kill process': " in told["faults"]
    assert "replaced 0 times" not in told["workers"]
    assert told["live at the end"].startswith("8 of 8")
    assert told["told of the supervisor's end"] == "8 of 8"
    assert told["left at the end"] == "0 processes, 0 of them zombies, 0 files in shared memory"
    assert "0 left after the stop" in told["threads"]


@pytest.fixture
def live_view(exchange, engine):
    return engine.subscribe("BTCUSDT", depth=20).wait_live(10).view()


def twisted(view, **changes):
    """A view like this one, but wrong."""
    given = {"bids": view.bids, "asks": view.asks, "state": view.state, "last_update_id": view.last_update_id} | changes
    return BookView(view.symbol, number=Decimal, **given)


def test_the_checker_takes_the_truth_for_right(exchange, live_view):
    with Checker(exchange) as checker:
        checker.published(live_view, 20)
        checker.seen(live_view, 20)
        checker.seen(twisted(live_view, state=STALE, bids=()), 20)
    assert (checker.compared, checker.updates, checker.mismatches) == (2, 1, [])


@pytest.mark.parametrize(
    "wrong",
    [
        lambda view: twisted(view, last_update_id=view.last_update_id + 10**9),
        lambda view: twisted(view, bids=((view.bids[0][0], 0.12345678), *view.bids[1:])),
        lambda view: twisted(view, asks=view.asks[:-1]),
        lambda view: twisted(view, state=STALE),
    ],
    ids=["an id that never was", "a quantity", "a level too few", "a callback with a stale view"],
)
def test_the_checker_sees_what_is_wrong(exchange, live_view, wrong):
    with Checker(exchange) as checker:
        checker.published(wrong(live_view), 20)
    assert len(checker.mismatches) == 1


def test_an_outage_is_put_down_to_the_last_fault_that_concerned_the_book():
    outages = Outages()
    outages.fault("cut", ["A", "B"])
    outages.fault("drop", ["B"])
    for symbol in "ABC":
        outages.event(BookEvent(symbol, SYNCING, LIVE, None))
        outages.event(BookEvent(symbol, LIVE, STALE, None))
    before = time.monotonic()
    for symbol in "ABC":
        outages.event(BookEvent(symbol, STALE, LIVE, None))
    assert dict(outages.counts) == {"cut": 1, "drop": 1, "nothing noted": 1}
    assert all(seconds <= time.monotonic() - before + 0.1 for seconds in outages.longest.values())


def test_the_saboteur_raises_once_for_who_was_waited_for_and_is_gone_afterwards(exchange):
    saboteur = Saboteur()
    with saboteur.at_work(), DepthEngine() as engine:
        book, other = engine.subscribe_many(["BTCUSDT", "ETHUSDT"], depth=20)
        engine.wait_live(10)
        saboteur.set("book", ArithmeticError("trap"), "book-BTCUSDT")
        deadline = time.monotonic() + 10
        while not engine.status().books[0].restarts and time.monotonic() < deadline:
            book.view()
        assert (saboteur.sprung["book"], engine.status().books[0].restarts, other._cell.restarts) == (1, 1, 0)
    with DepthEngine() as engine:
        engine.subscribe("BTCUSDT").wait_live(10)


def test_every_level_but_none_is_worse_than_the_one_before():
    pauses = [level.pause for level in LEVELS.values() if level is not None]
    assert pauses == sorted(pauses, reverse=True)


def test_nothing_is_killed_so_often_that_it_is_to_be_given_up():
    chaos = Chaos(None, Saboteur(), Outages(), ["A", "B"], lambda *_: None, None, seed=1)
    assert sum(chaos._may_die("A") for _ in range(2 * RESTARTS)) < RESTARTS
    assert chaos._may_die("B")


def test_a_cap_makes_no_book_wait_for_more_than_about_half_of_the_time_to_recover():
    assert sum(USUAL.short_backoff.wait(0, number, 0.999) for number in range(1, CAPPED + 1)) < 0.6 * RECOVERY
