"""What a program without logging sees on its stderr."""

import io
import os
import subprocess
import sys
import textwrap
import time

import pytest

from depthactors import reporting
from depthactors.reporting.notices import CAUSES, Notices
from depthactors.reporting.stderr import write


def test_a_cause_is_said_once_and_then_counted_at_growing_intervals():
    notices = Notices()
    said = [line for _ in range(1_000) if (line := notices.came("cause", "words", 0.0))]
    assert said == [
        "words",
        "words (10 times so far)",
        "words (100 times so far)",
        "words (1000 times so far)",
    ]


def test_each_cause_is_said_and_beyond_a_bound_all_others_are_one():
    notices = Notices()
    said = [notices.came(number, "words", 0.0) for number in range(CAUSES)]
    assert said == ["words"] * CAUSES
    further = [notices.came(-number, "words", 0.0) for number in range(1, 11)]
    assert further[0] == "words"
    assert further[1:9] == [None] * 8
    assert len(notices._causes) <= CAUSES + 1


def test_an_end_is_said_if_the_cause_was_and_a_quick_return_is_not():
    notices = Notices()
    assert notices.ended("cause", "over") is None
    assert notices.came("cause", "words", 0.0) == "words"
    assert notices.ended("cause", "over") == "over"
    assert notices.ended("cause", "over") is None
    assert notices.came("cause", "words", 1.0) is None
    assert notices.ended("cause", "over") is None
    assert notices.came("cause", "words", 100.0) == "words (3 times so far)"
    assert notices.ended("cause", "over") == "over"


class Failing(io.StringIO):
    def write(self, _text):
        raise SystemExit


@pytest.mark.parametrize("stream", [None, Failing()])
def test_a_stderr_that_is_missing_or_broken_is_no_error(monkeypatch, stream):
    monkeypatch.setattr(sys, "stderr", stream)
    write("words\n")


def test_a_replaced_stderr_is_written_to(monkeypatch):
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    write("words\n")
    assert stream.getvalue() == "words\n"


def run(program, **options):
    """Run a program; returns what it wrote to stderr."""
    ran = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
        **options,
    )
    return ran.stderr


BEGIN = (
    "import logging, sys, threading, time; from depthactors import reporting;log = reporting.logger('depthactors.x');"
)


def test_without_logging_a_notice_is_on_stderr_and_log_records_are_not():
    said = run(
        BEGIN + "[log.notice(('a',), 'BTCUSDT: %s', 'no\\nnetwork') for _ in range(3)]; log.error('a record');"
        "log.notice('b', 'another'); log.over('b', 'another is over'); log.over('c', 'never said')"
    )
    assert said == "depthactors: BTCUSDT: no\\nnetwork\ndepthactors: another\ndepthactors: another is over\n"


def test_what_was_raised_is_shown_the_first_time():
    said = run(
        BEGIN
        + """
try:
    1 / 0
except ZeroDivisionError as error:
    for _ in range(10):
        log.notice('a', 'a callback raised', error=error)
"""
    )
    assert said.startswith("depthactors: a callback raised\nTraceback (most recent call last):\n")
    assert said.count("ZeroDivisionError: division by zero") == 1
    assert said.endswith("depthactors: a callback raised (10 times so far)\n")


def test_a_handler_on_the_way_gets_a_notice_in_place_of_stderr_and_one_elsewhere_does_not():
    said = run(
        BEGIN
        + """
CASES = [
    (None, logging.StreamHandler(sys.stdout)),
    ("depthactors", logging.StreamHandler(sys.stdout)),
    ("depthactors.x", logging.StreamHandler(sys.stdout)),
    (None, logging.NullHandler()),
    ("other", logging.StreamHandler(sys.stdout)),
]
for number, (name, handler) in enumerate(CASES):
    logging.getLogger(name).addHandler(handler)
    log.notice(number, f"case {number}")
    assert reporting.flush(5)
    logging.getLogger(name).removeHandler(handler)
"""
    )
    assert said == "depthactors: case 3\ndepthactors: case 4\n"


def test_a_program_that_shows_itself_what_happens_is_left_alone():
    assert run(BEGIN + "reporting.quiet(); log.notice('a', 'hello'); reporting.announce('hello')") == ""


def test_an_announcement_is_on_stderr_whatever_logging_is_set_up():
    said = run(BEGIN + "logging.basicConfig(stream=sys.stdout); reporting.announce('hello')")
    assert said == "depthactors: hello\n"


def test_a_full_stderr_blocks_neither_the_caller_nor_the_end_of_the_program():
    reading, writing = os.pipe()
    try:
        os.set_blocking(writing, False)
        try:
            while True:
                os.write(writing, b"x" * 65_536)
        except BlockingIOError:
            os.set_blocking(writing, True)
        program = BEGIN + "[log.notice(n, 'word %d', n) for n in range(9000)]; print(reporting.flush(0.1))"
        started = time.monotonic()
        ran = subprocess.run(
            [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=writing, timeout=30, check=False
        )
        assert (ran.returncode, ran.stdout.strip()) == (0, b"False")
        assert time.monotonic() - started < 20
    finally:
        os.close(reading)
        os.close(writing)


def test_a_closed_stderr_is_no_error():
    run(BEGIN + "sys.stderr.close(); log.notice('a', 'word'); assert reporting.flush(5)")


def test_in_a_worker_notices_go_elsewhere():
    seen = []
    reporting.divert(lambda record: seen.append((record.cause, record.text)))
    try:
        reporting.logger(__name__).notice("cause", "words")
        assert reporting.flush()
    finally:
        reporting.divert(None)
    assert seen == [("cause", "words")]
