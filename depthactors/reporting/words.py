"""Words of strangers made fit for one line: of the exchange, of a host program's objects, of an exception."""

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
    """Return the name of a class, without asking its metaclass, which may be foreign and raise."""
    name: str = _NAME.__get__(kind)
    return name


def words_of(thing: object, limit: int = LONGEST) -> str:
    """Return `str(thing)` as one printable line; if that raises, whatever it raises, the name of its class.

    Runs foreign code, so call it where nobody waits: in the thread that hands records over.
    """
    if type(thing) is str:
        return printable(thing, limit)
    try:
        return printable(str(thing), limit)
    except BaseException as error:  # noqa: BLE001 - a `__str__` may raise anything
        return f"<{class_name(type(thing))}, whose text cannot be had: {class_name(type(error))}>"


def cause_of(error: BaseException) -> str:
    """Return what an exception says, or the name of its class where that is nothing, as of a `MemoryError()`."""
    return words_of(error) or class_name(type(error))


def about(name: str, words: object) -> str:
    """Return words of the package's own about a thing, with its name in front, where they may have it already."""
    return f"{name} {without(name, words)}"


def without(name: str, words: object) -> str:
    """Return words of the package's own without the name of the thing that they are about."""
    return str(words).removeprefix(f"{name}: ")
