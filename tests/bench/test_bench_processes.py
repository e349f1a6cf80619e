"""Programs that talk by lines are heard, given up in time, and ended."""

import sys

import pytest

from tests.bench.processes import Program

ECHO = "import sys\nfor line in sys.stdin: print('chatter'); print(line.strip(), flush=True)"


def program(tmp_path, text):
    script = tmp_path / "program.py"
    script.write_text(text)
    return Program([sys.executable, script])


def test_what_is_told_is_heard_without_the_chatter(tmp_path):
    with program(tmp_path, ECHO) as echo:
        echo.tell([1, 2])
        assert echo.hear(10) == [1, 2]
        process = echo._process
    assert process.returncode == 0


def test_one_that_says_nothing_is_given_up(tmp_path):
    with program(tmp_path, "import sys; sys.stdin.read()") as silent, pytest.raises(TimeoutError, match="said nothing"):
        silent.hear(0.1)


def test_one_that_ends_is_told_with_its_last_words(tmp_path):
    with (
        program(tmp_path, "raise ValueError('no such market')") as ended,
        pytest.raises(RuntimeError, match="ended with 1: ValueError: no such market"),
    ):
        ended.hear(10)
