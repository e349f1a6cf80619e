"""Standard output that is closed or full, and characters that it cannot show: no reason for a traceback."""

from __future__ import annotations

import errno
import os
import sys
from contextlib import contextmanager, redirect_stdout, suppress
from io import TextIOWrapper
from typing import IO, TYPE_CHECKING, Any, Final, cast

if TYPE_CHECKING:
    from collections.abc import Iterator

PIPE_CLOSED: Final = 128 + 13
"""Exit status, as a shell has it for a program that SIGPIPE ended."""
NOT_WRITTEN: Final = 1
"""Exit status where the output could not be written for any other reason."""


class OutputError(Exception):
    """Standard output takes no more. Not an `OSError`: `argparse` ignores those when it prints.

    Attributes:
        cause: the system's error.
    """

    def __init__(self, cause: OSError) -> None:
        """Keep the cause."""
        super().__init__(str(cause))
        self.cause = cause


class _Guarded:
    """Standard output with errors of their own class, unlike those of files and sockets."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write as the stream does.

        Raises:
            OutputError: it could not.
        """
        try:
            return self._stream.write(text)
        except OSError as error:
            raise OutputError(error) from None

    def flush(self) -> None:
        """Flush as the stream does.

        Raises:
            OutputError: it could not.
        """
        try:
            self._stream.flush()
        except OSError as error:
            raise OutputError(error) from None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextmanager
def guarded() -> Iterator[None]:
    """Let `print` raise `OutputError` where it fails, here or when the rest is written at the end.

    Characters that the encoding lacks are escaped, as on standard error.
    """
    if sys.stdout is None:  # The program was started without one, and `print` prints nothing.
        yield
        return
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    with redirect_stdout(cast("IO[str]", _Guarded(sys.stdout))):
        try:
            yield
        finally:
            sys.stdout.flush()


def give_up(error: OutputError) -> int:
    """Return the exit status of a command whose output is taken no more.

    A closed pipe is no error: its reader has seen enough. What is still buffered is dropped: the interpreter
    would try to write it at its end.
    """
    with open(os.devnull, "wb") as nowhere:  # noqa: PTH123 - a descriptor is wanted, not a path
        os.dup2(nowhere.fileno(), sys.stdout.fileno())
    if error.cause.errno == errno.EPIPE:
        return PIPE_CLOSED
    complain(f"standard output: {error.cause.strerror}")
    return NOT_WRITTEN


def complain(words: str) -> None:
    """Write one line to standard error, which may be closed."""
    with suppress(OSError):
        print(f"depthactors: {words}", file=sys.stderr, flush=True)
