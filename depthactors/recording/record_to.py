"""Where an engine records its books, and how."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from depthactors.errors import RecordingError, UsageError
from depthactors.recording.rotation import Rotation


@dataclass(frozen=True, slots=True, init=False)
class RecordTo:
    """Where an engine records its books: `DepthEngine(record=RecordTo("data", rotate="1h"))`. Can be pickled.

    Attributes:
        folder: the folder of the files, absolute.
        rotation: after how much a book's file is followed by a new one.
        book_ticker: whether each book's bookTicker stream is recorded in the same file.
    """

    folder: Path
    rotation: Rotation
    book_ticker: bool

    def __init__(
        self, folder: str | os.PathLike[str], *, rotate: str | Rotation | None = "1d", book_ticker: bool = False
    ) -> None:
        """Check and keep the settings; nothing is made.

        Args:
            folder: the folder of the files; it is made if there is none.
            rotate: a time like `1h` or a size like `500MB`, after which a new file is begun; `None` for never.
            book_ticker: whether to record bookTicker streams, too: each change of the best bid and ask.

        Raises:
            UsageError: a setting that is not allowed; the message has it.
        """
        given: Any = folder
        path = os.fspath(given) if isinstance(given, str | os.PathLike) else None
        if not isinstance(path, str) or not path or "\0" in path:
            msg = f"expected a folder to record to, was {folder!r}"
            raise UsageError(msg)
        if type(book_ticker) is not bool:
            msg = f"expected book_ticker as True or False, was {book_ticker!r}"
            raise UsageError(msg)
        if rotate is None:
            rotate = Rotation()
        elif not isinstance(rotate, Rotation):
            rotate = Rotation.parse(rotate)
        # Absolute: the program may go to another folder before the first file is opened.
        object.__setattr__(self, "folder", Path(path).absolute())
        object.__setattr__(self, "rotation", rotate)
        object.__setattr__(self, "book_ticker", book_ticker)

    @classmethod
    def of(cls, record: Any) -> RecordTo:
        """Return what `DepthEngine(record=...)` was given as a `RecordTo`: a folder, or one already.

        Raises:
            UsageError: neither.
        """
        return record if isinstance(record, cls) else cls(record)

    def check(self) -> None:
        """Make the folder if there is none, and check that files can be made in it.

        Raises:
            RecordingError: they cannot; the message has the folder and the reason.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=self.folder) as probe:
                probe.write(b" ")
        except OSError as error:
            cause = f"expected a folder in which files can be made: {error.strerror or error}"
            raise RecordingError(str(self.folder), 0, cause) from error
