"""The command that measures how fast books start, on a few of them."""

import subprocess
import sys
from pathlib import Path

from tests.pace.command import ideal

ROOT = Path(__file__).parents[2]


def test_a_few_books_start_at_once_and_nobody_is_refused():
    command = [sys.executable, "-m", "tests.pace", "--books", "20", "--rate", "10"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=50, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    told = dict(line.split(": ", 1) for line in run.stdout.splitlines() if not line.startswith(" "))
    assert told["429s and 418s"] == "0"
    assert float(told["all LIVE after"].split()[0]) < 10
    assert told["by all the weight alone"] == "0 s"


def test_the_ideal_is_counted_in_minutes_of_the_clock():
    assert ideal(6000, 6000, 30.0) == 0.0
    assert ideal(6001, 6000, 30.0) == 30.0
    assert ideal(25_000, 6000, 45.0) == 195.0
