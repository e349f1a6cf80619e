"""Readers of command-line values that several commands take."""

from __future__ import annotations

import argparse
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any, Final

from depthactors import markets
from depthactors.errors import UnknownMarketError, UsageError
from depthactors.recording import Rotation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

HELP: Final = "help"
"""The value that asks for a list of the values."""


def above_zero(text: str) -> float:
    """Read a finite number above zero.

    Raises:
        argparse.ArgumentTypeError: anything else; names it.
    """
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 < value < float("inf"):
        msg = f"expected a number above zero, was {text!r}"
        raise argparse.ArgumentTypeError(msg)
    return value


def price_step(text: str) -> Decimal:
    """Read an exact number above zero.

    Raises:
        argparse.ArgumentTypeError: anything else; names it.
    """
    try:
        value = Decimal(text)
    except InvalidOperation:
        value = Decimal(-1)
    if not (value.is_finite() and value > 0):
        msg = f"expected a step of the price above zero, was {text!r}"
        raise argparse.ArgumentTypeError(msg)
    return value


def at_least_one(text: str) -> int:
    """Read a whole number of at least one.

    Raises:
        argparse.ArgumentTypeError: anything else; names it.
    """
    try:
        value = int(text)
    except ValueError:
        value = 0
    if value < 1:
        msg = f"expected a whole number of at least 1, was {text!r}"
        raise argparse.ArgumentTypeError(msg)
    return value


def market(text: str) -> str:
    """Read the name of a market.

    Raises:
        argparse.ArgumentTypeError: no market's; lists them, and says which may be meant.
    """
    try:
        return markets.lookup(text).name
    except UnknownMarketError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


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


def rotation(text: str) -> str:
    """Read after how much a file of a recording is followed by a new one.

    Raises:
        argparse.ArgumentTypeError: no time and no size; names it.
    """
    try:
        Rotation.parse(text)
    except UsageError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return text
