"""Writing to the process's stderr: it may be full, slow, closed or missing, and nothing of that is an error here."""

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
            # Not through the stream's own buffer: a thread that blocks while it has that one's lock makes the
            # interpreter abort at its end.
            data = text.encode(own.encoding or "utf-8", "backslashreplace")
            while data:
                data = data[os.write(own.fileno(), data) :]
        else:
            stream.write(text)
            stream.flush()
    except BaseException:  # noqa: BLE001, S110 - a foreign stream may raise anything, and there is nowhere to say it
        pass
