"""Output that is whole or not there: it is written beside its place, under another name, and moved there at the end."""

from __future__ import annotations

import os
import shutil
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from depthactors.errors import ExportError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def partial_file(out: str | Path) -> Iterator[Path]:
    """Give the path of a file or folder to write; it becomes `out` if the block ends without an error, else is removed.

    Raises:
        UsageError: `out` exists, or is an empty text.
        ExportError: it cannot be written; the message has the system's words.
    """
    if out == "":
        msg = "expected a file or folder to write, was ''"
        raise UsageError(msg)
    out = Path(out)
    refuse_existing(out)
    partial = out.with_name(f".{out.name}.{os.getpid()}.partial")
    try:
        yield partial
        refuse_existing(out)
        partial.replace(out)
    except OSError as error:
        raise ExportError(str(out), error.strerror or str(error)) from error
    finally:
        _remove(partial)


def refuse_existing(out: Path) -> None:
    """Check that nothing would be overwritten.

    Raises:
        UsageError: `out` exists.
    """
    # A name that the system does not allow is an error of whoever writes it.
    if os.path.exists(out):  # noqa: PTH110 - `Path.exists` raises for it
        msg = f"expected a new file or folder to write, was {str(out)!r}, which exists"
        raise UsageError(msg)


def _remove(partial: Path) -> None:
    if os.path.isdir(partial):  # noqa: PTH112 - as above
        shutil.rmtree(partial, ignore_errors=True)
    else:
        with suppress(OSError):
            partial.unlink()
