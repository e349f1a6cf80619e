"""`python -m tests.bench NAME`: one command line for all benchmarks."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

from tests.bench import ask, book, pipe, record, scale, share, sleepers, start, stop

if TYPE_CHECKING:
    from collections.abc import Sequence

BENCHMARKS = {
    "book": book,
    "pipe": pipe,
    "sleepers": sleepers,
    "ask": ask,
    "start": start,
    "stop": stop,
    "scale": scale,
    "share": share,
    "record": record,
}


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
    parser.add_argument("--repeat", type=int, default=5, metavar="N", help="rounds that count (default 5)")
    parser.add_argument("--seconds", type=float, default=3, metavar="S", help="for `pipe`: a measurement (default 3)")
    parser.add_argument("--books", type=int, nargs="*", metavar="N", help="for `pipe`: how many (default 1 100 1000)")
    parser.add_argument("--clients", nargs="*", metavar="NAME", help="for `pipe`: programs of `clients/` (default all)")
    parser.add_argument("--quick", action="store_true", help="for `pipe`, `sleepers`: one short round")
    parser.add_argument(
        "--checkout",
        action="append",
        metavar="LABEL=FOLDER",
        help="for `pipe`, `sleepers`: a folder with the package to measure, instead of this one; may be repeated",
    )
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
