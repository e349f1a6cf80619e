"""Simulate hours of the order flow in fast time, print what the market looks like, and check the promises.

    python tests/exchange/hour_of_trading.py --hours 1 --seed 0 --market spot

Exits with 1 if a promise was broken.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections import Counter
from pathlib import Path

from depthactors import markets
from depthactors.exchange.feeds.order_flow import OrderFlow

STEPS_A_MINUTE = 600
BANDS = ((0, 5), (20, 50), (200, 500))
"""Levels from the touch, whose mean volume is to grow from band to band."""

NEAR = (10, 50, 100)


class Shape:
    """What a flow's book looks like, gathered while it trades."""

    def __init__(self, flow, levels, depth):
        self.flow, self.levels, self.depth = flow, levels, depth
        self.steps = 0
        self.changes = self.change_steps = 0
        self.spreads = Counter()
        self.near = Counter()
        self.ranked = 0
        self.volumes = Counter()
        self.volume_levels = Counter()
        self.fewest_levels, self.most_levels = sys.maxsize, 0
        self.most_orders = 0
        self.ranges = {size: self._range(size) for size in (100, 1000)}
        self.left_after = {}
        self.prices = [flow.best_bid]
        self.crossed = False

    def step(self):
        """Trade one interval and look at the book."""
        change = self.flow.step()
        self.steps += 1
        if change is not None:
            self.change_steps += 1
            self.changes += len(change.bids) + len(change.asks)
        bid, ask = self.flow.best_bid, self.flow.best_ask
        self.crossed |= bid >= ask
        self.spreads[ask - bid] += 1
        for size, (lowest, highest) in self.ranges.items():
            if size not in self.left_after and not lowest <= bid < ask <= highest:
                self.left_after[size] = self.steps
        if self.steps % 10 == 0 and change is not None:
            self._rank(change)
        if self.steps % 100 == 0:
            self._weigh()
        if self.steps % STEPS_A_MINUTE == 0:
            self.prices.append(bid)

    def faults(self):
        """Name each promise that was broken."""
        mean_volumes = self.mean_volumes()
        promises = {
            "the book never crosses": not self.crossed,
            "median spread at most 2 ticks": self.spread(0.5) <= 2,
            "spread at most 10 ticks in 99 %": self.spread(0.99) <= 10,
            "volume a level grows with the distance": mean_volumes == sorted(mean_volumes),
            "half of the changes are within 50 levels": self.near_share(50) >= 0.5,
            "levels a side within 0.6 to 1.6 of the depth": (
                0.6 * self.depth <= self.fewest_levels <= self.most_levels <= 1.6 * self.depth
            ),
            "level changes within 25 % of those asked for": (
                0.75 * self.levels <= self.changes / self.change_steps <= 1.25 * self.levels
            ),
            "at most 6 resting orders for each level of depth": self.most_orders <= 6 * self.depth,
            "100 levels left within a minute": (
                self.left_after.get(100, self.steps) <= STEPS_A_MINUTE or self.steps < STEPS_A_MINUTE
            ),
            "1,000 levels left within five minutes": (
                self.left_after.get(1000, self.steps) <= 5 * STEPS_A_MINUTE or self.steps < 5 * STEPS_A_MINUTE
            ),
        }
        return [words for words, kept in promises.items() if not kept]

    def spread(self, quantile):
        """Return the spread, in ticks, that is not exceeded in this part of the time."""
        left = quantile * self.steps
        for ticks in sorted(self.spreads):
            left -= self.spreads[ticks]
            if left <= 0:
                return ticks
        return max(self.spreads)

    def near_share(self, levels):
        return self.near[levels] / max(1, self.ranked)

    def mean_volumes(self):
        """Return the mean lots a level in each of `BANDS` that the book reaches."""
        return [self.volumes[band] / self.volume_levels[band] for band in BANDS if self.volume_levels[band]]

    def line(self):
        """Describe the market in a line."""
        bids, asks = (len(side.levels) for side in self.flow._sides)
        volumes = " < ".join(f"{volume:.0f}" for volume in self.mean_volumes())
        near = " ".join(f"{self.near_share(levels):.0%}" for levels in NEAR)
        return (
            f"{self.steps / STEPS_A_MINUTE:4.0f} min  price {self.flow.best_bid}  orders {orders(self.flow)}  "
            f"levels {bids}+{asks} ({self.fewest_levels}..{self.most_levels})  "
            f"spread {self.spread(0.5)}, p99 {self.spread(0.99)}, max {max(self.spreads)}  lots {volumes}  "
            f"within {'/'.join(map(str, NEAR))}: {near}  changes {self.changes / self.change_steps:.1f}  "
            f"rss {resident_mb():.1f} MB"
        )

    def _range(self, levels):
        bids, asks = (side.levels.keys() for side in self.flow._sides)
        return -bids[min(levels, len(bids)) - 1], asks[min(levels, len(asks)) - 1]

    def _rank(self, change):
        for side, sign, levels in zip(self.flow._sides, (-1, 1), change[2:4], strict=True):
            tick = self.flow._number_format.price_step / 10**self.flow._number_format.price_decimals
            for price, _ in levels:
                rank = side.levels.bisect_left(sign * round(float(price) / tick))
                self.ranked += 1
                for near in NEAR:
                    self.near[near] += rank < near

    def _weigh(self):
        self.most_orders = max(self.most_orders, orders(self.flow))
        for side in self.flow._sides:
            totals = [level.total for level in side.levels.values()[: BANDS[-1][1]]]
            self.fewest_levels = min(self.fewest_levels, len(side.levels))
            self.most_levels = max(self.most_levels, len(side.levels))
            for band in BANDS:
                self.volumes[band] += sum(totals[slice(*band)])
                self.volume_levels[band] += len(totals[slice(*band)])


def orders(flow):
    """Count the resting orders."""
    return sum(len(band.quotes) for bands in flow._bands for band in bands)


def resident_mb():
    """Return the memory of this process that is in RAM, in MB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def main(arguments=None):
    """Run the command line; return its exit code."""
    parser = argparse.ArgumentParser(description="Simulate the order flow in fast time and check its promises.")
    parser.add_argument("--hours", type=float, default=1.0, help="simulated hours (default: 1)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--market", choices=sorted(markets.MARKETS), default="spot")
    options = parser.parse_args(arguments)
    shape = Shape(OrderFlow("BTCUSDT", markets.lookup(options.market), options.seed), 20.0, 2_000)
    shape.step()
    settled = resident_mb()
    for step in range(2, round(options.hours * 60 * STEPS_A_MINUTE) + 1):
        shape.step()
        if step % (5 * STEPS_A_MINUTE) == 0:
            sys.stdout.write(shape.line() + "\n")
    left = ", ".join(f"{size} levels after {steps / 10:.0f} s" for size, steps in shape.left_after.items())
    sys.stdout.write(f"left the range of the first {left}\nprice each minute: {shape.prices}\n")
    faults = shape.faults()
    if resident_mb() > settled + 16:
        faults.append("memory does not grow")
    for fault in faults:
        sys.stdout.write(f"BROKEN: {fault}\n")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
