"""What a program about a run prints, in processes that hash texts differently: a run is its seed, to the byte."""

import os
import subprocess
import sys
from pathlib import Path


def digests(options: str) -> set[str]:
    """Return the different digests of a run with these arguments, as text, under two seeds of the hashes."""
    program = f"from tests.sim.world import World; print(World({options}).run().digest)"
    return {
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": seed},
            cwd=Path(__file__).parents[2],
            capture_output=True,
            text=True,
            check=True,
            timeout=120,
        ).stdout
        for seed in ("1", "2")
    }
