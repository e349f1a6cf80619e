"""Writing to the process's stderr, which may be full, slow, closed or missing without an error here."""

from __future__ import annotations

import os
import sys


def write(text: str) -> None:
    """Write to `sys.stderr`; may block, raises nothing."""
    stream, own = sys.stderr, sys.__stderr__
    if stream is None:
        return
    try:
        if own is not None and stream is own:
            # Not through the stream's buffer: the interpreter aborts at its end if a thread blocks with its lock.
            data = text.encode(own.encoding or "utf-8", "backslashreplace")
            while data:
                data = data[os.write(own.fileno(), data) :]
        else:
            stream.write(text)
            stream.flush()
    except BaseException:  # noqa: BLE001, S110 - a foreign stream may raise anything, and there is nowhere to report it
        pass
