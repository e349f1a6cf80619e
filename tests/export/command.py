"""`python -m tests.export`: what other tools have of each recording, beside ours.

hftbacktest's converter and its backtest; pandas, polars and DuckDB with our Parquet tables.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

HERE = Path(__file__).parent
CAPTURES = Path(os.environ.get("DEPTHACTORS_CAPTURES", HERE.parents[2] / "shared" / "captures"))
sys.path.insert(0, str(HERE))

from beside_hftbacktest import compare
from beside_tables import read


def main(arguments=None):
    """Compare all recordings; 0 if each difference is explained, 1 if one is not, 2 if there is nothing to compare."""
    parser = argparse.ArgumentParser(prog="python -m tests.export", description=__doc__)
    parser.add_argument(
        "--peers-python",
        default=os.environ.get("DEPTHACTORS_PEERS_PYTHON", sys.executable),
        help="interpreter that has hftbacktest, pandas, polars, duckdb (default: DEPTHACTORS_PEERS_PYTHON)",
    )
    parser.add_argument("--moments", type=int, default=1_000, help="moments at which the best prices are compared")
    parser.add_argument("files", nargs="*", type=Path, help="recordings (default: all of DEPTHACTORS_CAPTURES)")
    options = parser.parse_args(arguments)
    files = options.files or sorted(CAPTURES.glob("*/*/*.gz"))
    if not files or not has_hftbacktest(options.peers_python):
        print(f"nothing to compare: {len(files)} recordings; {options.peers_python} needs hftbacktest")
        return 2
    right = True
    for path in files:
        with TemporaryDirectory() as folder:
            found = compare(options.peers_python, path, Path(folder), options.moments)
            readers = read(options.peers_python, path, Path(folder))
        right &= found.is_explained() and all(each.books == each.moments for each in readers)
        print(
            f"{path.parent.name}/{path.name}: {found.equal} events equal, {found.moved} at the snapshot's time, "
            f"{found.left_out} left out, {found.retimed} at another exchange time, {found.unexplained} UNEXPLAINED; "
            f"best prices equal at {found.touches} of {found.moments} moments; last book of {found.last_levels} levels "
            f"{'equal' if found.same_last else 'DIFFERS'}{'' if found.is_explained() else '  <-- WRONG'}",
            flush=True,
        )
        for each in readers:
            print(f"    {each.tool}: {each.books} of {each.moments} books equal, {each.levels} levels", flush=True)
    return 0 if right else 1


def has_hftbacktest(python):
    """Whether an interpreter has hftbacktest."""
    try:
        probe = [python, "-c", "import importlib.metadata as m; m.version('hftbacktest')"]
        return not subprocess.run(probe, capture_output=True, timeout=30, check=False).returncode
    except (OSError, subprocess.TimeoutExpired):
        return False
