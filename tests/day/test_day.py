"""The command that runs a day in minutes, for two of its hours."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.proof
@pytest.mark.timeout(120)
def test_two_hours_of_a_day_lose_nothing():
    command = [sys.executable, "-m", "tests.day", "--hours", "2", "--factor", "400", "--symbols", "1", "--verbose"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=110, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    told = dict(line.split(": ", 1) for line in run.stdout.splitlines() if not line.startswith(" "))
    assert (told["gaps"], told["resyncs"], told["shutdowns announced"]) == ("0", "0", "1")
    assert int(told["rotations"]) >= 1
    assert int(told["refreshes"]) >= 3
    assert told["views compared, mismatches"].endswith(", 0")
