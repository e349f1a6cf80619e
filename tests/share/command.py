"""`python -m tests.share torn` and `... kill`: what readers in other processes see, beside the truth."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING

from tests.share import kill, torn

if TYPE_CHECKING:
    from collections.abc import Sequence

_CAPTURES = Path(os.environ.get("DEPTHACTORS_CAPTURES", Path(__file__).parents[3] / "shared" / "captures"))
_RECORDING = _CAPTURES / "usdm" / "usdm-20240808" / "btcusdt.gz"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run from the command line; 0 if every view was right, and nothing was left behind."""
    parser = argparse.ArgumentParser(prog="python -m tests.share", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser("torn", help="readers beside a writer that replays a recording")
    command.add_argument("--readers", type=int, default=8)
    command.add_argument("--reads", type=int, default=10_000_000, help="of all readers together")
    command.add_argument("--recording", type=Path, default=_RECORDING)
    command.add_argument("--levels", type=int, default=10)
    command.add_argument("--rate", type=float, help="events a second; 0 for as many as go, else the recording's own")
    command.set_defaults(run=torn.run)
    command = commands.add_parser("kill", help="an engine and its readers, killed at random")
    command.add_argument("--minutes", type=float, default=1.0)
    command.add_argument("--seed", type=int, default=1)
    command.add_argument("--symbols", type=int, default=5)
    command.add_argument("--readers", type=int, default=3)
    command.add_argument("--processes", type=int, help="worker processes of the engine, which are killed too")
    command.set_defaults(run=kill.run)
    options = parser.parse_args(arguments)
    os.environ.pop("DEPTHACTORS_EXCHANGE", None)
    try:
        result = options.run(options)
    except KeyboardInterrupt:
        print("interrupted")
        return 130
    for name, value in result.items():
        if not name.startswith("_"):
            print(f"{name}: {value}")
    return 0 if result["_passed"] else 1
