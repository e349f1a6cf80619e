"""Where the price of an asset goes: up for minutes, then down for minutes, alike on every market. Pure."""

from __future__ import annotations

from random import Random
from typing import Final

_SHORTEST: Final = 1_800
"""Fewest steps in one direction."""
_MORE: Final = 1_200
"""Average number of steps beyond `_SHORTEST`; exponentially distributed."""
_PACE: Final = 1e-6
"""Change of the price in a step with the usual number of level changes, as a part of the price. An order flow can
follow it."""
_WEAKEST, _STRONGEST = 0.7, 1.0
"""Range of the actual pace, as parts of `_PACE`."""
_APART: Final = 0.03
"""Largest difference between a seed's first price and the price in the table of assets, as a part of the price."""


class PricePath:
    """The price of one asset over time: the natural logarithm of its ratio to the price in the table of assets.

    The seed decides it. It is the same for every symbol with the asset, counted in steps from the symbol's first one.
    Not thread-safe.
    """

    def __init__(self, seed: int, asset: str, pace: float = 1.0) -> None:
        """Begin near the price in the table.

        Args:
            seed: the seed; the same seed and asset make the same path.
            asset: the asset's name, upper case.
            pace: factor by which the price changes faster than usual.
        """
        self._random = Random(f"{seed}/{asset}/course")  # noqa: S311 - a game, not a secret
        self._pace = _PACE * pace
        self._from = self._random.uniform(-_APART, _APART)
        self._begin = self._end = 0.0
        self._slope = self._random.choice((-self._pace, self._pace))

    def at(self, step: int) -> float:
        """Return the logarithm at a step. Steps must not decrease from call to call."""
        while step > self._end:
            self._from += self._slope * (self._end - self._begin)
            self._begin = self._end
            self._end += _SHORTEST + self._random.expovariate(1.0 / _MORE)
            strength = self._pace * self._random.uniform(_WEAKEST, _STRONGEST)
            self._slope = strength if self._slope < 0.0 else -strength
        return self._from + self._slope * (step - self._begin)
