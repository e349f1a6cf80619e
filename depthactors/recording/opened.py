"""Opening a file of a recording: what could keep its reader waiting for ever is refused."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

from depthactors.errors import RecordingError

if TYPE_CHECKING:
    from io import BufferedReader
    from pathlib import Path


def open_file(path: Path) -> BufferedReader:
    """Open a file to read its bytes.

    Raises:
        RecordingError: no such file, no permission, a path that no file can have, or a pipe or a device.
    """
    try:
        # The system refuses a folder in its own words.
        if stat.S_IFMT(path.stat().st_mode) in (stat.S_IFREG, stat.S_IFDIR):
            return path.open("rb")
    except OSError as error:
        raise RecordingError(str(path), 0, error.strerror or str(error)) from None
    except ValueError as error:
        raise RecordingError(repr(str(path)), 0, f"expected the path of a file: {error}") from None
    raise RecordingError(str(path), 0, "expected a file, was a pipe or a device")
