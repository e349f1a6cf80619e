"""Standard error while a picture is drawn: nothing spoils the picture, and nothing is lost."""

import subprocess
import sys

from depthactors.cli import kept_errors
from depthactors.cli.kept_errors import KeptErrors
from tests.cli.terminal import Terminal

KEEPS = """
import os, sys
from depthactors.cli.kept_errors import KeptErrors
with KeptErrors() as errors:
    print("2026-11-29 16:12:05,517 ERROR depthactors.actors.book BTCUSDT is lost", file=sys.stderr)
    os.write(2, b"depthactors: from the system\\nhalf a ")
    errors.read()
    print(errors.latest(5))
    sys.stderr.write("line")
print("after")
"""


def test_lines_are_shown_without_their_prefix_and_written_whole_at_the_end():
    with Terminal("-c", KEEPS, size=(200, 20)) as terminal:
        status, written = terminal.end()
    assert status == 0
    assert written.splitlines() == [
        "['BTCUSDT is lost', 'from the system']",
        "2026-11-29 16:12:05,517 ERROR depthactors.actors.book BTCUSDT is lost",
        "depthactors: from the system",
        "half a line",
        "after",
    ]


def test_an_exception_comes_after_what_was_kept():
    program = KEEPS.replace('sys.stderr.write("line")', "1 / 0")
    with Terminal("-c", program, size=(200, 20)) as terminal:
        lines = terminal.end()[1].splitlines()
    assert lines[3:5] == ["half a ", "Traceback (most recent call last):"]


def test_standard_error_elsewhere_is_left_alone():
    ended = subprocess.run([sys.executable, "-c", KEEPS], capture_output=True, text=True, timeout=30, check=True)
    assert ended.stdout.splitlines() == ["[]", "after"]
    assert ended.stderr.endswith("depthactors: from the system\nhalf a line")


def test_a_flood_is_bounded_and_counted(monkeypatch):
    monkeypatch.setattr(kept_errors, "ROOM", 3)
    errors = KeptErrors()
    errors._lines = type(errors._lines)(maxlen=3)
    for number in range(5):
        errors._take(f"line {number}\n".encode())
    assert (errors.latest(9), errors._left_out) == (["line 2", "line 3", "line 4"], 2)
    monkeypatch.setattr(kept_errors, "_NEWS_FOR", -1.0)
    assert errors.latest(9) == [], "they have been on the screen for long enough"


def test_a_program_without_a_standard_error_has_nothing_to_keep(monkeypatch):
    monkeypatch.setattr("sys.stderr", None)
    with KeptErrors() as errors:
        errors.read()
        assert errors.latest(3) == []
