"""The command line: how long, which seeds, and what came of them."""

from __future__ import annotations

import logging
import time
from argparse import ArgumentParser
from collections import Counter
from typing import TYPE_CHECKING

from tests.sim.bugs import BUGS
from tests.sim.shrink import shrink
from tests.sim.world import Result, World

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Sequence

    from tests.sim.faults import PlannedFault

_HOUR = 3600.0


def main(arguments: list[str] | None = None) -> int:
    """Run the seeds that the command line names; returns the exit status, 1 if a run failed."""
    options = _parser().parse_args(arguments)
    # A run has more trouble in a second than a log is meant for.
    logging.disable(logging.CRITICAL)
    if options.bugs is not None:
        return _look_for_bugs(options)
    begun, results = time.perf_counter(), []
    for seed in range(options.seed, options.seed + options.seeds):
        result = _run(seed, options)
        results.append(result)
        if result.failure is not None:
            _report(result, options)
    _print_summary(results, time.perf_counter() - begun)
    return int(any(result.failure is not None for result in results))


def _parser() -> ArgumentParser:
    parser = ArgumentParser("python -m tests.sim", description=__doc__)
    parser.add_argument("--hours", type=float, default=0.25, help="simulated hours of each run")
    parser.add_argument("--seed", type=int, default=1, help="the first seed")
    parser.add_argument("--seeds", type=int, default=1, help="number of seeds")
    parser.add_argument("--every", type=float, default=60.0, help="simulated seconds from one fault to the next")
    parser.add_argument("--processes", type=int, help="worker processes, 0 for none; by default as the seed says")
    parser.add_argument("--keep", type=int, nargs="*", help="the numbers of the only faults of the seed to keep")
    parser.add_argument(
        "--bugs", nargs="*", metavar="NAME", help="put bugs in on purpose, and tell how many seeds each takes"
    )
    return parser


def _run(seed: int, options: Namespace) -> Result:
    if options.keep is None:
        return _world(seed, options).run()
    planned = _world(seed, options).faults
    return _world(seed, options, [planned[number] for number in options.keep]).run()


def _world(seed: int, options: Namespace, faults: Sequence[PlannedFault] | None = None) -> World:
    return World(seed, options.hours * _HOUR, faults, every=options.every, processes=options.processes)


def _words(options: Namespace) -> str:
    """Return the options that the faults of a seed depend on."""
    processes = "" if options.processes is None else f" --processes {options.processes}"
    return f"--hours {options.hours:g} --every {options.every:g}{processes}"


def _report(result: Result, options: Namespace) -> None:
    """Print a failure, the faults that it needs, and the last turns."""
    print(f"seed {result.seed}: {result.failure}")
    planned = result.planned
    kept = shrink(planned, lambda faults: _world(result.seed, options, faults).run().failure is not None)
    again = _world(result.seed, options, kept).run()
    numbers = " ".join(str(options.keep[number] if options.keep else number) for number in map(planned.index, kept))
    print(f"  with {len(kept)} of {len(planned)} faults: {again.failure}")
    for fault in kept:
        print(f"    {fault.at:.3f} s {fault.kind} {fault.symbol or ''} {fault.seconds:g} s, {fault.count} times")
    print(f"  again: python -m tests.sim {_words(options)} --seed {result.seed} --keep {numbers}")
    for line in again.trace:
        print(f"    {line}")


def _print_summary(results: list[Result], wall: float) -> None:
    hours = sum(result.seconds for result in results) / _HOUR
    faults: Counter[str] = sum((result.faults for result in results), Counter())
    compared = sum(result.compared for result in results)
    minutes = wall / 60.0
    print(f"simulated hours    {hours:.2f} in {wall:.0f} s: {hours / minutes:.1f} hours a minute")
    print(f"seeds              {results[0].seed} to {results[-1].seed}")
    print(f"steps              {sum(result.steps for result in results):,}")
    print(f"updates            {sum(result.updates for result in results):,}")
    print(f"views compared     {compared:,}: {compared / minutes:,.0f} a minute")
    print(f"callbacks          {sum(result.calls for result in results):,}")
    print(f"faults             {sum(faults.values()):,}: {sum(faults.values()) / minutes:,.0f} a minute")
    for kind, count in sorted(faults.items()):
        print(f"  {kind:16} {count}")
    print(f"restarts           {sum(result.restarts for result in results)}")
    with_workers = [result for result in results if result.processes]
    restarts = sum(result.worker_restarts for result in with_workers)
    print(f"worker restarts    {restarts} in {len(with_workers)} seeds with worker processes")
    print(f"longest outage     {max(result.longest_outage for result in results):.0f} s")
    print(f"failed             {sum(result.failure is not None for result in results)} of {len(results)}")
    print(f"digest             {' '.join(f'{result.digest:08x}' for result in results[:8])}")


def _look_for_bugs(options: Namespace) -> int:
    """Print how many seeds it takes to find each bug; returns 1 if one was not found."""
    missed = 0
    for name in options.bugs or BUGS:
        for number, seed in enumerate(range(options.seed, options.seed + options.seeds), 1):
            with BUGS[name]():
                result = _run(seed, options)
            if result.failure is not None:
                print(f"{name:24} {number} seeds: {result.failure[:150]}", flush=True)
                break
        else:
            missed += 1
            print(f"{name:24} not found in {options.seeds} seeds", flush=True)
    return int(bool(missed))
