"""The object in which the exchange says what is wrong: `{"code": -1121, "msg": "Invalid symbol."}`."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from depthactors.binance.envelope import SHORT
from depthactors.errors import printable

_LONGEST: Final = 200
"""Characters of the exchange's words that are repeated in an error."""


class ErrorBody(NamedTuple):
    """The code and the words of an error object.

    Attributes:
        code: the exchange's error code, `None` without one.
        words: the message, printable and of bounded length; empty without one.
    """

    code: int | None
    words: str

    def __str__(self) -> str:
        return self.words if self.code is None else f"{self.code}: {self.words}"


def parse_error(body: dict[str, Any]) -> ErrorBody:
    """Read a decoded error object, whatever its keys have."""
    code, message = body.get("code"), body.get("msg", "")
    words = message if isinstance(message, str) else SHORT.repr(message)
    return ErrorBody(code if type(code) is int else None, printable(words, _LONGEST))


def excerpt_of(body: bytes) -> str:
    """Return the beginning of a body that is no JSON, as printable text."""
    return printable(body[: _LONGEST + 1].decode("utf-8", "replace"), _LONGEST)
