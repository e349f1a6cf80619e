"""`depthactors watch`: what another process shares, until its user has seen enough."""

import csv
import io
import json
import os
import re
import signal
import subprocess
import sys
from contextlib import contextmanager
from decimal import Decimal

import pytest

from depthactors import DepthEngine
from depthactors.cli import main
from depthactors.sharing import EngineFolder
from tests.cli.terminal import FORMER_SCREEN, OTHER_SCREEN, Terminal
from tests.support import table

NAME = f"watch-{os.getpid()}"
ENGINE = f"""
import signal
from depthactors import DepthEngine
with DepthEngine(name={NAME!r}) as engine:
    engine.subscribe("BTCUSDT", depth=20).wait_live(timeout=20)
    print("ready", flush=True)
    signal.pause()
"""


@contextmanager
def process(*arguments, **options):
    """Start a Python process that does not outlive the test."""
    with subprocess.Popen([sys.executable, *arguments], text=True, stdout=subprocess.PIPE, **options) as child:
        try:
            yield child
        finally:
            child.kill()


@contextmanager
def engine():
    """Run an engine with a live book in another process."""
    with process("-c", ENGINE) as child:
        assert child.stdout.readline() == "ready\n"
        yield child


def watching(*arguments):
    return process("-m", "depthactors", "watch", "--attach", NAME, *arguments, stderr=subprocess.PIPE)


def line_of(child, words):
    """Return the next line with these words."""
    return next(line for line in iter(child.stdout.readline, "") if words in line)


def watch(*arguments):
    return main(["watch", "--attach", NAME, *arguments])


@pytest.fixture(autouse=True)
def nothing_is_left():
    """Remove what engines that were killed left in memory, as the next engine of their name does."""
    yield
    folder = EngineFolder(NAME)
    folder.open()
    folder.close()
    assert not folder.path.exists()


@pytest.fixture
def books(local_exchange):
    """Share two live books from this process."""
    with DepthEngine(name=NAME) as engine:
        engine.subscribe_many(["BTCUSDT", "ETHUSDT"], depth=20)
        engine.wait_live(timeout=20)
        yield engine


def test_lines_of_all_books_or_of_those_that_are_named(books, capsys):
    assert watch("--seconds", "0.01") == 0
    output, errors = capsys.readouterr()
    assert [line.split()[:2] for line in output.splitlines()] == [["BTCUSDT", "LIVE"], ["ETHUSDT", "LIVE"]]
    assert all(line.endswith(" s old, spot 100 ms") for line in output.splitlines())
    assert errors == ""
    assert watch("--seconds", "0.01", "ethusdt") == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == ["ETHUSDT"]


def test_the_list_has_symbol_market_speed_and_depth(books, capsys):
    books.subscribe("BTCUSDT", depth=10, market="usdm")
    assert watch("--list") == 0
    assert capsys.readouterr().out.splitlines() == [
        "BTCUSDT spot 100ms 20",
        "ETHUSDT spot 100ms 20",
        "BTCUSDT usdm 100ms 10",
    ]
    assert watch("--list", "BTCUSDT") == 0
    assert capsys.readouterr().out.splitlines() == ["BTCUSDT spot 100ms 20", "BTCUSDT usdm 100ms 10"]


def test_a_symbol_of_several_markets_is_shown_of_each(books, capsys):
    books.subscribe("BTCUSDT", depth=10, market="usdm").wait_live(20)
    assert watch("--seconds", "0.01", "BTCUSDT") == 0
    spot, usdm = capsys.readouterr().out.splitlines()
    assert "spot 100 ms" in spot
    assert "usdm 100 ms" in usdm


def test_a_symbol_that_is_named_twice_is_shown_once(books, capsys):
    assert watch("--seconds", "0.01", "BTCUSDT", "btcusdt", "ETHUSDT") == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == ["BTCUSDT", "ETHUSDT"]


def test_one_market_may_be_chosen(books, capsys):
    books.subscribe("BTCUSDT", depth=10, market="usdm")
    assert watch("--list", "--market", "usdm") == 0
    assert capsys.readouterr().out.splitlines() == ["BTCUSDT usdm 100ms 10"]
    assert watch("--list", "--market", "usdm", "ETHUSDT") == 2
    assert f"the engine '{NAME}' to share ETHUSDT of usdm, was BTCUSDT" in capsys.readouterr().err


def test_a_market_in_the_place_of_a_symbol_is_called_one(books, capsys):
    assert watch("usdm", "BTCUSDT") == 2
    assert capsys.readouterr().err == (
        "depthactors: expected a symbol like BTCUSDT, was 'usdm', which is a market: market='usdm'\n"
    )


def test_no_more_than_a_handful_unasked_and_the_rest_is_not_hidden(books, capsys):
    books.subscribe_many([f"{coin}USDT" for coin in ("BNB", "SOL", "XRP", "ADA", "LTC", "DOT")], depth=5)
    books.wait_live(20)
    assert watch("--seconds", "0.01") == 0
    output, errors = capsys.readouterr()
    assert len(output.splitlines()) == 6
    assert errors == "depthactors: 6 of 8 books; --list lists them, name others\n"


@table("more", [(), ("--list",), ("--wait", "0.01"), ("BTCUSDT",)])
def test_without_an_engine_it_is_one_clear_line_and_status_2(capsys, more):
    assert watch(*more) == 2
    output, errors = capsys.readouterr()
    assert output == ""
    assert errors == f"depthactors: the engine {NAME!r} does not run on this machine\n"


@pytest.mark.parametrize("more", [(), ("--wait", "0.01"), ("--list",)], ids=" ".join)
def test_a_book_that_is_not_shared_is_one_clear_line_and_status_2(books, capsys, more):
    assert watch("BTCUSDT", "nosuchcoin", *more) == 2
    expected = f"depthactors: expected the engine '{NAME}' to share NOSUCHCOIN, was BTCUSDT, ETHUSDT\n"
    assert capsys.readouterr() == ("", expected)


def test_an_engine_without_books_is_one_clear_line_and_status_2(capsys):
    with DepthEngine(name=NAME):
        assert watch() == 2
    assert capsys.readouterr() == ("", f"depthactors: expected the engine '{NAME}' to share a book, was none\n")


@table(
    ("arguments", "words"),
    [
        (["watch", "BTCUSDT", "--json", "--csv"], "argument --csv: not allowed with argument --json"),
        (
            ["watch", "--attach", "x", "--depth", "0"],
            "argument --depth: expected a whole number of at least 1, was '0'",
        ),
        (["watch", "--attach", "x", "--seconds", "nan"], "argument --seconds: expected a number above zero, was 'nan'"),
        (
            ["watch", "BTCUSDT", "--group", "0"],
            "argument --group: expected a step of the price above zero, was '0'",
        ),
        (["watch", "--attach", "x", "--wait", "-1"], "argument --wait: expected a number above zero, was '-1'"),
    ],
)
def test_a_wrong_argument_is_status_2(capsys, arguments, words):
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert words in capsys.readouterr().err.splitlines()[-1]


def test_a_name_that_cannot_be_one_is_status_2(capsys):
    assert main(["watch", "--attach", "no/name"]) == 2
    assert "expected a name of 1 to 64 letters" in capsys.readouterr().err


def test_it_waits_for_the_engine_and_its_books(local_exchange):
    with watching("--wait", "30", "BTCUSDT") as watcher, engine():
        assert line_of(watcher, "BTCUSDT LIVE ")


@pytest.mark.full
def test_it_outlives_a_killed_engine_and_goes_on_with_the_next(local_exchange):
    with engine() as first, watching() as watcher:
        assert line_of(watcher, "BTCUSDT LIVE ")
        first.kill()
        line = line_of(watcher, "BTCUSDT STALE ")
        assert line.endswith(f"the engine '{NAME}' was killed, or ended without being stopped\n")
        with engine() as second:
            assert line_of(watcher, "BTCUSDT LIVE ")
            second.send_signal(signal.SIGINT)
            assert line_of(watcher, "BTCUSDT STOPPED ").endswith(f"the engine '{NAME}' was stopped\n")
        with engine():
            assert line_of(watcher, "BTCUSDT LIVE ")
            watcher.send_signal(signal.SIGINT)
            _, errors = watcher.communicate(timeout=10)
            assert (watcher.returncode, errors) == (130, "")


@pytest.mark.full
def test_an_engine_that_is_stuck_is_shown_as_such_until_it_gets_on(local_exchange):
    with engine() as stuck, watching() as watcher:
        assert line_of(watcher, "BTCUSDT LIVE ")
        stuck.send_signal(signal.SIGSTOP)
        assert line_of(watcher, "BTCUSDT STALE ").endswith(f"the engine '{NAME}' has given no sign of life for 5 s\n")
        stuck.send_signal(signal.SIGCONT)
        assert line_of(watcher, "BTCUSDT LIVE ")


def test_it_ends_quietly_when_nobody_reads_its_lines_any_more(books):
    with watching() as watcher:
        assert line_of(watcher, "BTCUSDT LIVE ")
        watcher.stdout.close()
        assert watcher.wait(timeout=10) == 141
        assert watcher.stderr.read() == ""


def on_terminal(*command):
    """Run a command on a terminal; returns its status and what it wrote there."""
    with Terminal(*command) as terminal:
        return terminal.end()


def test_on_a_terminal_ladders_are_drawn_until_q(books):
    with Terminal("-m", "depthactors", "watch", "--attach", NAME) as terminal:
        first = terminal.wait_for("q quit")
        for words in (OTHER_SCREEN, "BTCUSDT", "ETHUSDT", "LIVE", "█", "old", "mid"):
            assert words in first
        terminal.press("?")
        terminal.wait_for("Any key goes back.")
        terminal.press(" ")
        terminal.press(" ")
        terminal.wait_for("PAUSED")
        terminal.press("q")
        status, written = terminal.end()
        assert status == 0
        assert terminal.is_as_it_was()
    left = written[written.rfind(FORMER_SCREEN) :]
    assert "ETHUSDT spot 100 ms" in left, "the last ladders stay"
    assert "quit" not in left


def test_ctrl_c_leaves_the_terminal_as_it_was(books):
    with Terminal("-m", "depthactors", "watch", "--attach", NAME) as terminal:
        terminal.wait_for("q quit")
        # What the terminal makes of the key needs a process that it controls; the signal is the same.
        terminal.child.send_signal(signal.SIGINT)
        status, written = terminal.end()
        assert (status, terminal.is_as_it_was()) == (130, True)
    assert "Traceback" not in written


def test_on_a_terminal_that_curses_does_not_know_there_are_lines(books):
    command = ("-m", "depthactors", "watch", "--attach", NAME, "--seconds", "0.01")
    with Terminal(*command, term="no-such-terminal") as terminal:
        status, written = terminal.end()
    assert status == 0
    assert [line.split()[:2] for line in written.splitlines()] == [["BTCUSDT", "LIVE"], ["ETHUSDT", "LIVE"]]


# Books that it follows itself.


def following(*arguments):
    return process("-m", "depthactors", "watch", *arguments, stderr=subprocess.PIPE)


def test_books_of_the_exchange_are_followed_without_an_engine_elsewhere(local_exchange):
    with following("btcusdt", "BTCUSDT", "ETHUSDT", "NOSUCHUSDT") as watcher:
        assert line_of(watcher, "NOSUCHUSDT FAILED no levels")
        for symbol in ("BTCUSDT", "ETHUSDT"):
            assert line_of(watcher, f"{symbol} LIVE ").endswith("spot 100 ms\n")
        watcher.send_signal(signal.SIGINT)
        output, errors = watcher.communicate(timeout=10)
        # A busy machine may add a line on a book that was late.
        place, *rest = errors.splitlines()
        assert (watcher.returncode, place.endswith(", not at the exchange")) == (130, True)
        assert [line for line in rest if "NOSUCHUSDT (spot): given up, no more data comes: " in line], errors
        # Ctrl-C may come between a line and its end, which leaves an empty line.
        assert {words[0] for line in output.splitlines() if (words := line.split())} <= {
            "BTCUSDT",
            "ETHUSDT",
            "NOSUCHUSDT",
        }


def test_a_book_that_was_given_up_is_in_the_exit_status(local_exchange):
    assert main(["watch", "BTCUSDT", "NOSUCHUSDT", "--seconds", "2"]) == 1


def test_it_ends_when_every_book_was_given_up(local_exchange, capsys):
    assert main(["watch", "NOSUCHUSDT", "--seconds", "60"]) == 1
    assert "NOSUCHUSDT FAILED" in capsys.readouterr().out.splitlines()[-1]


def test_an_exchange_that_does_not_answer_is_in_each_line(dead_address, capsys):
    assert main(["watch", "BTCUSDT", "--seconds", "1.5"]) == 1
    output, errors = capsys.readouterr()
    assert re.search(r"BTCUSDT SYNCING no levels, spot 100 ms: ws://127.0.0.1", output)
    never = r"depthactors: 1 of 1 books were never live in 1.5 s, BTCUSDT: ws://127.0.0.1:.*\n"
    # Simulated prices must not be taken for real ones.
    place = f"depthactors: DEPTHACTORS_EXCHANGE is set: every market is at {dead_address}, not at the exchange\n"
    assert re.fullmatch(re.escape(place) + never, errors)


def test_another_market_may_be_chosen(local_exchange):
    with following("BTCUSDT", "--market", "usdm") as watcher:
        assert line_of(watcher, "BTCUSDT LIVE ").endswith("usdm 100 ms\n")


def test_its_own_books_are_drawn_on_a_terminal_and_what_was_logged_follows_them(local_exchange):
    command = ("-m", "depthactors", "watch", "BTCUSDT", "NOSUCHUSDT", "--group", "1")
    with Terminal(*command, size=(200, 50)) as terminal:
        for words in ("local exchange", "given up", "vouched"):
            terminal.wait_for(words, anywhere=True)
        terminal.press("q")
        status, written = terminal.end()
        assert (status, terminal.is_as_it_was()) == (1, True)
    left = written.rpartition(FORMER_SCREEN)[2]
    for words in ("BTCUSDT", "LIVE", "NOSUCHUSDT", "FAILED", "steps of 1 ", "vouched for", "does not list"):
        assert words in left
    assert re.search(r"ERROR \S+ NOSUCHUSDT \(spot\): given up", left.splitlines()[-1])


@table(
    ("more", "words"),
    [
        (("--wait", "5"), "expected --attach NAME beside --wait, which waits for that engine and its books, was none"),
        (("--group", "1"), "expected --group for ladders, which are drawn on a terminal alone, was output as lines"),
        (("--group", "1", "--json"), "expected --group for ladders, which are drawn on a terminal alone"),
    ],
)
def test_an_option_that_would_do_nothing_is_refused(capsys, more, words):
    assert main(["watch", "BTCUSDT", *more]) == 2
    assert words in capsys.readouterr().err


def test_without_symbols_it_says_what_to_name(capsys):
    assert main(["watch"]) == 2
    assert capsys.readouterr() == (
        "",
        "depthactors: expected a symbol to follow, or --attach NAME; --list lists the engines of this machine\n",
    )


def test_the_list_without_a_name_is_that_of_the_engines(books, capsys):
    assert main(["watch", "--list"]) == 0
    output, errors = capsys.readouterr()
    assert NAME in output.splitlines()
    assert errors == ""


def test_a_list_of_no_engines_says_so(capsys, monkeypatch):
    monkeypatch.setattr("depthactors.cli.watch.running_engines", tuple)
    assert main(["watch", "--list"]) == 0
    assert capsys.readouterr() == (
        "",
        "depthactors: no engine on this machine shares books with you; DepthEngine(name=NAME) does\n",
    )


def test_a_symbol_beside_the_list_of_engines_is_refused(capsys):
    assert main(["watch", "BTCUSDT", "--list"]) == 2
    assert capsys.readouterr().err.startswith("depthactors: expected --attach NAME beside --list and a symbol")


# Lines for programs.


def test_lines_of_json_are_views_as_the_exchange_spells_them(books, local_exchange, capsys):
    assert watch("BTCUSDT", "--json", "--depth", "3", "--seconds", "0.01") == 0
    [line] = capsys.readouterr().out.splitlines()
    fields = json.loads(line)
    truth = local_exchange.book_at("BTCUSDT", fields["last_update_id"])
    assert (fields["symbol"], fields["state"], fields["note"]) == ("BTCUSDT", "LIVE", "spot 100 ms")
    assert [tuple(map(Decimal, level)) for level in fields["bids"]] == [*truth.bids[:3]]
    assert [tuple(map(Decimal, level)) for level in fields["asks"]] == [*truth.asks[:3]]


def test_lines_of_csv_have_a_head_and_the_best_levels(books, local_exchange, capsys):
    assert watch("--csv", "--seconds", "0.01") == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [row["symbol"] for row in rows] == ["BTCUSDT", "ETHUSDT"]
    truth = local_exchange.book_at("BTCUSDT", int(rows[0]["last_update_id"]))
    assert (Decimal(rows[0]["bid"]), Decimal(rows[0]["bid_quantity"])) == truth.bids[0]
    assert (Decimal(rows[0]["ask"]), Decimal(rows[0]["ask_quantity"])) == truth.asks[0]
    assert rows[0]["note"] == "spot 100 ms"


def test_lines_for_programs_are_written_on_a_terminal_too(books):
    status, written = on_terminal("-m", "depthactors", "watch", "--attach", NAME, "--seconds", "0.01", "--json")
    assert status == 0
    assert [json.loads(line)["symbol"] for line in written.splitlines()] == ["BTCUSDT", "ETHUSDT"]
