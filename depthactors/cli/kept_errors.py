"""Standard error while books are drawn on the same terminal: its lines would spoil the picture, and be lost with it."""

from __future__ import annotations

import os
import re
import sys
import time
from collections import deque
from contextlib import suppress
from math import inf
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

ROOM: Final = 1_000
"""Lines that are kept; earlier ones are left out, and counted."""
_NEWS_FOR: Final = 30.0
"""Seconds for which the latest lines are worth a part of the screen."""
_PREFIX: Final = re.compile(r"^\d{4}-\d\d-\d\d [\d:,]+ [A-Z]+ \S+ |^depthactors: ")
"""What a line of the log begins with; a screen has no room for it."""


class KeptErrors:
    """Keeps what is written to the descriptor of standard error if that is a terminal, and writes it at the end."""

    def __init__(self) -> None:
        """Change nothing yet."""
        self._lines: deque[str] = deque(maxlen=ROOM)
        self._left_out = 0
        self._rest = b""
        self._came = -inf
        self._descriptor = self._saved = self._pipe = -1

    def __enter__(self) -> Self:
        """Redirect the descriptor, which worker processes and the interpreter itself write to, too."""
        if sys.stderr is None:
            return self
        with suppress(OSError, ValueError):
            descriptor = sys.stderr.fileno()
            if os.isatty(descriptor):
                sys.stderr.flush()
                self._saved = os.dup(descriptor)
                self._pipe, end = os.pipe()
                os.set_blocking(self._pipe, False)
                os.dup2(end, descriptor)
                os.close(end)
                self._descriptor = descriptor
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give the descriptor back, and write what was kept."""
        if self._descriptor < 0:
            return
        with suppress(OSError):
            sys.stderr.flush()
        os.dup2(self._saved, self._descriptor)
        os.close(self._saved)
        self.read()
        os.close(self._pipe)
        self._descriptor = -1
        lines = [*self._lines, *([self._rest.decode(errors="backslashreplace")] if self._rest else [])]
        if self._left_out:
            lines.insert(0, f"depthactors: {self._left_out} earlier lines are left out")
        with suppress(OSError):
            for line in lines:
                print(line, file=sys.stderr)
            sys.stderr.flush()

    def read(self) -> None:
        """Take what has been written; called often, since a writer waits when the pipe is full."""
        if self._descriptor < 0:
            return
        with suppress(BlockingIOError):
            while part := os.read(self._pipe, 1 << 16):
                self._take(part)

    def _take(self, part: bytes) -> None:
        *lines, self._rest = (self._rest + part).split(b"\n")
        self._came = time.monotonic()
        self._left_out += max(0, len(self._lines) + len(lines) - ROOM)
        self._lines += (line.decode(errors="backslashreplace") for line in lines)

    def latest(self, count: int) -> list[str]:
        """Return the latest lines without what a log puts in front of them, the latest last; after a while none."""
        if time.monotonic() - self._came > _NEWS_FOR:
            return []
        return [_PREFIX.sub("", line) for line in list(self._lines)[-count:]]
