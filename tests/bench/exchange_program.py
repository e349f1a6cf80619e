"""The local exchange in a process of its own, for the benchmarks; it ends with its input.

A line of input is `{"rate": FRAMES}`, a new rate of all symbols together, frames a second; or `{"between": [US, US]}`,
whose answer is the number of events that have a time in between, of those made since the latest rate was told. Events
carry their time in microseconds instead of milliseconds, for latencies.
"""

from __future__ import annotations

import argparse
import gc
import json
import sys
from bisect import bisect_left
from random import Random

from depthactors import markets
from depthactors.dispatcher import SystemClock
from depthactors.exchange import LocalExchange
from depthactors.exchange.feeds.repeated_events import RepeatedEvents
from depthactors.exchange.feeds.repeated_feed import RepeatedFeed

STEPS = 500
UNLIMITED = {"weight_per_minute": 10**9, "connections": 10**9, "messages_per_second": 10**6}
"""Some clients ask for far more weight than the exchange would let them have."""


class ThousandTimes(SystemClock):
    """The time of day times a thousand: a feed writes it in milliseconds, so that `E` has microseconds."""

    def time(self):
        return super().time() * 1e3


class PacedFeed(RepeatedFeed):
    """A feed whose pace may be changed while it plays, and is never quite regular.

    Of two symbols that kept step, a client that shows only the latest would show one never.
    Its snapshots are never behind its stream: a client that does not recover from one that is could not be measured.
    """

    def __init__(self, symbol, tape, number, rate, times):
        super().__init__(symbol, markets.SPOT, tape, seed=number, rate=rate, clock=ThousandTimes())
        self.rate = rate
        self._times = times
        self._due_at = self._phase / rate
        self._jitter = Random(number)

    def due(self):
        return self._due_at

    def step(self, *, tickers):
        self._due_at += self._jitter.uniform(0.5, 1.5) / self.rate
        step = super().step(tickers=tickers)
        self._times.append(step.event.time_us // 1000)
        return step

    def snapshot(self, limit):
        return self.present(limit)


def main(arguments=None):
    parser = argparse.ArgumentParser()
    parser.add_argument("--symbols", type=int)
    parser.add_argument("--rate", type=float, help="frames a second of all symbols together")
    parser.add_argument("--levels", type=float, help="level changes a frame")
    parser.add_argument("--depth", type=int, help="levels a side")
    parser.add_argument("--limited", action="store_true", help="keep to the weights and limits of the exchange")
    options = parser.parse_args(arguments)
    tape = RepeatedEvents(markets.SPOT, STEPS, seed=1, levels=options.levels, depth=options.depth)
    each = options.rate / options.symbols
    # Of all symbols, in order: one thread makes all events.
    times = []
    feeds = [PacedFeed(f"S{number}USDT", tape, number, each, times) for number in range(options.symbols)]
    gc.freeze()
    sys.setswitchinterval(0.0005)
    with LocalExchange(feeds, limits=None if options.limited else UNLIMITED) as exchange:
        _tell(exchange.port)
        for order in map(json.loads, sys.stdin):
            if "between" in order:
                begin, end = order["between"]
                _tell(bisect_left(times, end) - bisect_left(times, begin))
                continue
            for feed in feeds:
                feed.rate = order["rate"] / options.symbols
            times.clear()
            _tell(True)


def _tell(fact):
    sys.stdout.write(json.dumps(fact) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
