"""Where the price of an asset goes: up for minutes, then down for minutes, alike on every market. Pure."""

from __future__ import annotations

from random import Random
from typing import Final

_SHORTEST: Final = 1_800
"""Steps in one direction at least."""
_MORE: Final = 1_200
"""Steps beyond `_SHORTEST` on average; exponentially distributed."""
_PACE: Final = 1e-6
"""Of the price, in a step with the usual number of level changes: what an order flow can follow."""
_WEAKEST, _STRONGEST = 0.7, 1.0
"""Of the pace."""
_APART: Final = 0.03
"""Of the price in the table, by which that of a seed may differ from it at the start."""


class Course:
    """The way of one asset, which is its seed's: in natural logarithms of what it is worth in the table.

    It is the same for every symbol with the asset, counted in steps from the symbol's first one. Not thread-safe.
    """

    def __init__(self, seed: int, asset: str, pace: float = 1.0) -> None:
        """Begin near the price in the table.

        Args:
            seed: the same seed and asset make the same course.
            asset: its name, upper case.
            pace: factor by which it is faster than usual.
        """
        self._random = Random(f"{seed}/{asset}/course")  # noqa: S311 - a game, not a secret
        self._pace = _PACE * pace
        self._from = self._random.uniform(-_APART, _APART)
        self._begin = self._end = 0.0
        self._slope = self._random.choice((-self._pace, self._pace))

    def at(self, step: int) -> float:
        """Return where it is at a step, which must not be before one that was asked for."""
        while step > self._end:
            self._from += self._slope * (self._end - self._begin)
            self._begin = self._end
            self._end += _SHORTEST + self._random.expovariate(1.0 / _MORE)
            strength = self._pace * self._random.uniform(_WEAKEST, _STRONGEST)
            self._slope = strength if self._slope < 0.0 else -strength
        return self._from + self._slope * (step - self._begin)
