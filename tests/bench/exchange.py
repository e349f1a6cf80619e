"""The benchmarks' exchange, as whoever starts it sees it."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tests.bench.processes import Program

if TYPE_CHECKING:
    from typing import Self

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
PATIENCE = 120.0


class Exchange(Program):
    """An exchange in another process; leaving the `with` statement ends it.

    Attributes:
        symbols: that it has.
        port: on 127.0.0.1.
    """

    def __init__(self, symbols, rate, *, levels=20, depth=1000, limited=False) -> None:
        """Start it, at so many frames a second of all symbols together."""
        options = ["--symbols", symbols, "--rate", rate, "--levels", levels, "--depth", depth]
        command = [sys.executable, HERE / "exchange_program.py", *options, *(["--limited"] if limited else [])]
        super().__init__(command, path=ROOT)
        self.symbols = [f"S{number}USDT" for number in range(symbols)]
        self.port = 0

    def __enter__(self) -> Self:
        """Wait until it serves."""
        try:
            self.port = self.hear(PATIENCE)
        except BaseException:
            self.__exit__()
            raise
        return self

    def play(self, rate) -> None:
        """Go on at another rate."""
        self.tell(json.dumps({"rate": rate}))
        self.hear(PATIENCE)

    def made(self, begin_us, end_us) -> int:
        """Return the number of events that were made in between, microseconds since the epoch."""
        self.tell(json.dumps({"between": [begin_us, end_us]}))
        return self.hear(PATIENCE)
