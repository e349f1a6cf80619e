"""`depthactors demo`: needs no network, compares its books with the truth, and goes at once when told to."""

import io
import signal
import subprocess
import sys
import time
from contextlib import redirect_stdout

import pytest

from depthactors.book import BookState, BookView
from depthactors.cli import demo as demo_command
from depthactors.cli import main
from depthactors.status import BookStatus
from depthactors.sync import Counters
from tests.support import table

SYMBOLS = ["BTCUSDT", "ETHUSDT", "BNBUSDT"]


@pytest.fixture
def demo():
    """Start demos that do not outlive the test."""
    started = []

    def demo(*arguments):
        process = subprocess.Popen(
            [sys.executable, "-m", "depthactors", "demo", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield demo
    for process in started:
        process.kill()
        process.communicate(timeout=10)


def interrupt(process):
    """Send Ctrl-C; returns the status, what was printed since, and the seconds that it took."""
    begin = time.monotonic()
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=10)
    return process.returncode, output, errors, time.monotonic() - begin


def test_it_ends_by_itself_with_every_book_equal_to_the_exchanges(demo, tmp_path):
    process = demo("--seconds", "2", "--svg", str(tmp_path / "demo.svg"))
    output, errors = process.communicate(timeout=30)
    assert (process.returncode, errors) == (0, "")
    summary = [line for line in output.splitlines() if " to the exchange's at update " in line]
    assert [line.split()[0] for line in summary] == SYMBOLS
    assert all(" equal to the exchange's" in line and "LIVE" in line for line in summary)
    assert all(int(line.split()[1]) > 0 for line in summary), "no updates"
    for symbol in SYMBOLS:
        assert f"{symbol} LIVE " in output, "a line a second and symbol"
    picture = (tmp_path / "demo.svg").read_text()
    assert all(symbol in picture for symbol in SYMBOLS)


def test_a_picture_that_cannot_be_written_is_an_error(demo, tmp_path):
    process = demo("--seconds", "0.1", "--svg", str(tmp_path))
    output, errors = process.communicate(timeout=30)
    assert process.returncode == 2
    assert f"expected to write a picture to {tmp_path}: " in errors
    assert output.splitlines()[-4].split()[0] == SYMBOLS[0], "the books are compared all the same"


def test_an_interrupt_ends_it_in_time_with_a_summary_and_status_130(demo):
    process = demo("--seconds", "60")
    assert any(" LIVE " in line for line in iter(process.stdout.readline, ""))
    status, output, errors, seconds = interrupt(process)
    assert (status, errors) == (130, "")
    assert output.count(" equal to the exchange's") == 3
    assert seconds < 2


def test_an_interrupt_before_the_books_are_there_has_status_130_too(monkeypatch):
    class Interrupting(io.StringIO):
        """A terminal whose user presses Ctrl-C as soon as it is asked what it is: no book is live yet."""

        def isatty(self):
            raise KeyboardInterrupt

    # The demo sets it; this way it is put back.
    monkeypatch.setenv("DEPTHACTORS_EXCHANGE", "")
    with redirect_stdout(Interrupting()) as output:
        status = main(["demo", "--seconds", "60"])
    assert status == 130
    assert "DIFFERENT" not in output.getvalue()


@table(
    ("state", "error", "words"),
    [
        (BookState.LIVE, "gap: expected U <= 8, was 9", "(LIVE, 1 levels)"),
        (BookState.STALE, "gap: expected U <= 8, was 9", "(STALE, 1 levels; gap: expected U <= 8, was 9)"),
        (BookState.STALE, None, "(STALE, 1 levels)"),
    ],
)
def test_a_book_that_is_not_live_at_the_end_says_why(state, error, words):
    row = BookStatus(
        symbol="BTCUSDT",
        market="spot",
        speed_ms=100,
        state=state,
        error=error,
        last_update_id=7,
        depth=20,
        age=0.0,
        trusted_bids=1,
        trusted_asks=1,
        restarts=0,
        counters=Counters(),
    )
    view = BookView("BTCUSDT", state, last_update_id=7, bids=((1.0, 1.0),), asks=((2.0, 1.0),), decimals=(8, 8))
    assert demo_command._line(5, row, view, equal=True).endswith(f" equal to the exchange's at update 7 {words}")
