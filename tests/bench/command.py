"""`python -m tests.bench NAME`: one command line for all benchmarks."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

from tests.bench import ask, book, pipe, scale, share, start, stop

if TYPE_CHECKING:
    from collections.abc import Sequence

BENCHMARKS = {"book": book, "pipe": pipe, "ask": ask, "start": start, "stop": stop, "scale": scale, "share": share}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one benchmark, or all; 0 unless a book of ours was wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("name", choices=[*BENCHMARKS, "all"], metavar="NAME", help=", ".join([*BENCHMARKS, "all"]))
    parser.add_argument("--recording", metavar="FILE", help="for `book`: another recording than the two it takes")
    parser.add_argument("--peers", action="store_true", help="beside the peers, which are installed when first wanted")
    parser.add_argument(
        "--json",
        nargs="?",
        const="-",
        metavar="FILE",
        help="print results as JSON, a line a benchmark, or add them to FILE",
    )
    parser.add_argument("--repeat", type=int, default=3, metavar="N", help="rounds that count (default 3)")
    parser.add_argument("--seconds", type=float, default=4, metavar="S", help="for `pipe`: a measurement (default 4)")
    parser.add_argument("--symbols", type=int, nargs="*", metavar="N", help="for `pipe`: how many (default 1 to 1,000)")
    options = parser.parse_args(arguments)
    passed = True
    for name in BENCHMARKS if options.name == "all" else [options.name]:
        result = BENCHMARKS[name].run(options)
        line = json.dumps({"benchmark": name} | result.figures)
        print(line if options.json == "-" else f"## {name}\n\n{result.text}\n", flush=True)
        if options.json not in {None, "-"}:
            with Path(options.json).open("a") as file:
                file.write(f"{line}\n")
        passed &= result.passed
    return 0 if passed else 1
