"""`python -m tests.record`: `depthactors record` under faults, killed now and then; every event is accounted for.

The exchange makes events, misbehaves, and remembers each event and each book. The recorder is a process that is killed
with -9 and started again. In the end each event is in a file, or within a gap of the notes; each file is read alone,
has its proof, and its book is compared with the exchange's.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

from depthactors.exchange import Fault, LocalExchange
from tests.record.accounting import Account, account

if TYPE_CHECKING:
    from collections.abc import Sequence

BOOK_KINDS = ("drop", "duplicate", "reorder", "delay", "burst", "split", "garbage", "wrong-types", "closed")
CONNECTION_KINDS = ("cut", "reset", "shutdown", "expire", "half-open")
REST_KINDS = ("429", "500", "truncate", "stale", "cached-snapshot")
"""Not `empty-snapshot`: nobody who reads one file alone can see that its first snapshot lies."""
ENDING = 30.0
CALM = 15.0
"""Seconds at the end without faults and kills, so that every symbol is recorded then; less in a short run."""


class Run:
    """One run."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.symbols = [f"REC{number}USDT" for number in range(options.symbols)]
        self._random = Random(options.seed)
        self.kills = self.strikes = 0
        self.complaints: list[str] = []
        self.folder = tempfile.mkdtemp(prefix="depthactors-record-")

    def run(self) -> dict[str, Account]:
        """Run it; returns the account of each symbol."""
        options = self.options
        seconds = options.minutes * 60
        folder = self.folder
        with self._exchange(seconds) as exchange:
            os.environ["DEPTHACTORS_EXCHANGE"] = exchange.url
            child = self._start(folder)
            end = time.monotonic() + seconds
            calm = end - min(CALM, seconds / 3)
            kill_at = self._next_kill()
            try:
                while (now := time.monotonic()) < end:
                    # The pace of the faults; nothing is waited for.
                    time.sleep(min(options.pause, end - now))
                    if now >= calm:
                        continue
                    self._strike(exchange)
                    if time.monotonic() >= kill_at:
                        child.kill()
                        child.communicate()
                        self.kills += 1
                        child, kill_at = self._start(folder), self._next_kill()
                child.send_signal(signal.SIGTERM)
                _, errors = child.communicate(timeout=ENDING)
                if child.returncode:
                    self.complaints.append(f"the recorder ended with {child.returncode}: {errors[-500:]}")
            finally:
                child.kill()
                child.communicate()
            self.strikes = sum(exchange.strikes().values())
            return {symbol: self._account(exchange, Path(folder), symbol) for symbol in self.symbols}

    def _exchange(self, seconds) -> LocalExchange:
        options = self.options
        return LocalExchange.with_order_flow(
            self.symbols,
            market=options.market,
            seed=options.seed,
            rate=options.rate,
            levels=10.0,
            depth=800,
            history=int(20 * options.rate * (seconds + ENDING)),
        )

    def _account(self, exchange, folder, symbol) -> Account:
        (feed,) = exchange._catalogue.named(symbol, self.options.market)
        events = [event.decoded() for event in feed._history().since(-1)]
        return account(events, sorted(folder.glob(f"{symbol.lower()}-*.gz")), exchange)

    def _start(self, folder) -> subprocess.Popen[str]:
        words = [
            "record",
            *self.symbols,
            "-o",
            folder,
            "--market",
            self.options.market,
            "--rotate",
            self.options.rotate,
        ]
        return subprocess.Popen(
            [sys.executable, "-m", "depthactors", "--log", "CRITICAL", *words, "--depth", "300"],
            text=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )

    def _next_kill(self) -> float:
        return time.monotonic() + self.options.kill_every * self._random.uniform(0.5, 1.5)

    def _strike(self, exchange) -> None:
        kinds = self._random.choices((BOOK_KINDS, REST_KINDS, CONNECTION_KINDS), (10, 3, 1))[0]
        symbol = self._random.choice(self.symbols)
        exchange.inject(Fault(self._random.choice(kinds), symbol, at=1))


def report(run: Run, accounts: dict[str, Account]) -> tuple[list[str], bool]:
    """Return the lines to print, and whether all is right."""
    total = {
        name: sum(getattr(each, name) for each in accounts.values())
        for name in ("files", "rows", "made", "recorded", "in_gaps", "compared")
    }
    lines = [
        f"{run.options.market}, {len(accounts)} symbols: {run.strikes} faults, {run.kills} kills",
        "{files} files, {rows} gaps; of {made} events {recorded} are recorded, {in_gaps} in gaps".format(**total),
        f"{total['compared']} views of files that were read alone equal the exchange's book",
    ]
    wrong = list(run.complaints)
    for symbol, each in accounts.items():
        facts: dict[str, Any] = {
            name: getattr(each, name) for name in ("missing", "invented", "different", "complaints")
        }
        wrong += [f"{symbol}: {name}: {len(found)}, e.g. {found[:3]}" for name, found in facts.items() if found]
        if not each.recorded:
            wrong.append(f"{symbol}: nothing is recorded")
    if wrong:
        lines.append(f"the files are in {run.folder}")
    else:
        shutil.rmtree(run.folder)
    return lines + [f"WRONG: {each}" for each in wrong], not wrong


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.record", description=__doc__)
    add = parser.add_argument
    add("--minutes", type=float, default=3.0, help="how long (default 3)")
    add("--symbols", type=int, default=10, help="number of symbols (default 10)")
    add("--market", default="spot", help="spot or usdm (default spot)")
    add("--seed", type=int, default=1, help="seed of prices, faults and kills (default 1)")
    add("--rate", type=float, default=10.0, help="events a second and symbol (default 10)")
    add("--rotate", default="30s", help="after how much a new file is begun (default 30s)")
    add("--pause", type=float, default=1.0, help="seconds between two faults (default 1)")
    add("--kill-every", type=float, default=30.0, help="seconds between two kills, about (default 30)")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it, and print what was found; 0 only if every event is accounted for."""
    run = Run(parser().parse_args(arguments))
    lines, is_right = report(run, run.run())
    print(*lines, sep="\n")
    return 0 if is_right else 1
