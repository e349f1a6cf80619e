"""TakesNotices about one source of data: what is wrong there, and when it is well again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Hashable


class TakesNotices(Protocol):
    """The part of a logger that is needed here."""

    def notice(self, cause: Hashable, words: str, *arguments: object) -> None:
        """Report once what keeps data from coming."""

    def over(self, cause: Hashable, words: str, *arguments: object) -> None:
        """Report that a cause is over."""


class Trouble:
    """TakesNotices about one source of data: each kind of trouble there, and its end. Thread: one at a time."""

    def __init__(self, logger: TakesNotices, *source: Hashable) -> None:
        """Begin without trouble.

        Args:
            logger: logger of the module.
            source: key of the source; equal for sources that are one to the program, such as two connections to one
                address.
        """
        self._logger = logger
        self._source = source
        self._kinds: set[Hashable] = set()

    def came(self, kind: Hashable, words: str, *arguments: object) -> None:
        """Give notice of a kind of trouble; each kind is written once, and counted."""
        self._kinds.add(kind)
        self._logger.notice((*self._source, kind), words, *arguments)

    def over(self, words: str, *arguments: object) -> None:
        """Give notice that all trouble is over, if there was any."""
        while self._kinds:
            self._logger.over((*self._source, self._kinds.pop()), words, *arguments)
