"""Readers of command-line values that several commands take."""

from __future__ import annotations

import argparse
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, TypeVar

from depthactors import markets
from depthactors.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from depthactors.recording import Rotation

T = TypeVar("T")
NumberT = TypeVar("NumberT", int, float, Decimal)

HELP: Final = "help"
"""The value that asks for a list of the values."""


def above_zero(text: str) -> float:
    """Read a finite number above zero; `ArgumentTypeError` names anything else, here and below."""
    return _number(text, float, "a number above zero")


def price_step(text: str) -> Decimal:
    """Read an exact number above zero."""
    return _number(text, Decimal, "a step of the price above zero")


def at_least_one(text: str) -> int:
    """Read a whole number of at least one."""
    return _number(text, int, "a whole number of at least 1")


def market(text: str) -> str:
    """Read the name of a market; the error lists them, and says which may be meant."""
    return checked(markets.lookup, text).name


def rotation(text: str) -> Rotation:
    """Read after how much a file of a recording is followed by a new one."""
    from depthactors.recording import Rotation  # noqa: PLC0415 - only needed by the command that records

    return checked(Rotation.parse, text)


def checked(parse: Callable[[str], T], text: str) -> T:
    """Return what `parse` returns; its `UsageError` becomes argparse's.

    Raises:
        argparse.ArgumentTypeError: the text is refused, with the words of the error.
    """
    try:
        return parse(text)
    except UsageError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _number(text: str, kind: type[NumberT], what: str) -> NumberT:
    """Read a finite number above zero of this kind."""
    try:
        value = kind(text)
        if 0 < value < float("inf"):
            return value
    except (ValueError, ArithmeticError):
        # Decimal raises the latter, also where a NaN is compared.
        pass
    msg = f"expected {what}, was {text!r}"
    raise argparse.ArgumentTypeError(msg)


class Listed(argparse.Action):
    """An option that may be repeated; with the value `help` it lists what there is, and ends."""

    def __init__(self, *args: Any, lines: Callable[[], Iterable[str]], **options: Any) -> None:
        """Take what `argparse` takes, and what returns the lines to show."""
        super().__init__(*args, **options)
        self._lines = lines

    def __call__(
        self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, values: Any, _: str | None = None
    ) -> None:
        """Append the value, or show the lines."""
        if values == HELP:
            print(*self._lines(), sep="\n")
            parser.exit()
        setattr(namespace, self.dest, [*getattr(namespace, self.dest), values])
