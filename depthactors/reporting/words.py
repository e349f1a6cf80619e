"""Foreign text as one printable line: text of the exchange, of a program's objects, of exceptions."""

from __future__ import annotations

from typing import Any, Final

from depthactors import errors

LONGEST: Final = 1_000
"""Characters of one argument of a log line."""
_NAME: Final[Any] = type.__dict__["__name__"]


def printable(words: str, limit: int = LONGEST) -> str:
    """Return at most `limit` characters, as `depthactors.errors.printable` does."""
    return errors.printable(words, limit)


def class_name(kind: type) -> str:
    """Return the name of a class without a call of its metaclass, which may be foreign and raise."""
    name: str = _NAME.__get__(kind)
    return name


def words_of(thing: object) -> str:
    """Return `str(thing)` as one printable line, or the name of its class if `str` raises anything.

    Runs foreign code. Thread: that of the reporter, since no other thread waits for it.
    """
    if type(thing) is str:
        return printable(thing)
    try:
        return printable(str(thing))
    except BaseException as error:  # noqa: BLE001 - a `__str__` may raise anything
        return f"<{class_name(type(thing))}, whose text raised {class_name(type(error))}>"


def cause_of(error: BaseException) -> str:
    """Return the text of an exception, or the name of its class if it has no text, as `MemoryError()`."""
    return words_of(error) or class_name(type(error))


def about(name: str, words: object) -> str:
    """Return one of the package's own texts with the name of its subject in front, which it may have already."""
    return f"{name} {without(name, words)}"


def without(name: str, words: object) -> str:
    """Return one of the package's own texts without the name of its subject in front."""
    return str(words).removeprefix(f"{name}: ")
