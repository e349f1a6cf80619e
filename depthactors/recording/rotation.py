"""When a recording goes on in a new file: after a time, or after a size."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

from depthactors.errors import UsageError

_SECONDS: Final = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
_BYTES: Final = {"kB": 1_000, "MB": 1_000_000, "GB": 1_000_000_000}
_WORDS: Final = re.compile(r"([1-9][0-9]{0,8})\s*([A-Za-z]+)")
_SHORTEST: Final = 10
"""Seconds: each file costs a snapshot, which has a weight."""
_SMALLEST: Final = 100_000
"""Bytes: a snapshot alone can have tens of thousands."""


@dataclass(frozen=True, slots=True)
class Rotation:
    """After how much a file is followed by a new one; the first of both limits counts.

    Attributes:
        seconds: the time for which a file is written, at least 10; `None` for no limit.
        size: the bytes of the compressed file, at least 100,000; `None` for no limit.

    Raises:
        UsageError: a limit that is not allowed.
    """

    seconds: float | None = None
    size: int | None = None

    def __post_init__(self) -> None:
        """Check the limits."""
        for value, least, unit in ((self.seconds, _SHORTEST, "seconds"), (self.size, _SMALLEST, "bytes")):
            # A NaN is not at least anything.
            if value is not None and (type(value) not in {int, float} or not value >= least):
                msg = f"expected a rotation after at least {least:,} {unit}, was {value!r}"
                raise UsageError(msg)

    @classmethod
    def parse(cls, text: Any) -> Rotation:
        """Read `30s`, `15m`, `1h`, `1d`, `500kB`, `500MB` or `2GB`; units of bytes are powers of 1,000.

        Raises:
            UsageError: something else, or less than the least.
        """
        match = _WORDS.fullmatch(text.strip()) if isinstance(text, str) else None
        if match is not None:
            number, unit = int(match[1]), match[2]
            if unit in _SECONDS:
                return cls(seconds=number * _SECONDS[unit])
            if unit in _BYTES:
                return cls(size=number * _BYTES[unit])
        msg = f"expected a time like 15m or 1h, or a size like 500MB, was {text!r}"
        raise UsageError(msg)

    def is_due(self, seconds: float, size: int) -> bool:
        """Return whether a file that has been written for this time, and has these bytes, is to be followed."""
        return (self.seconds is not None and seconds >= self.seconds) or (self.size is not None and size >= self.size)

    def __str__(self) -> str:
        limits = [f"{self.seconds:g} s"] if self.seconds is not None else []
        if self.size is not None:
            limits.append(f"{self.size:,} bytes")
        return " or ".join(limits) or "never"
