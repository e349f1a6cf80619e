"""The screen of the demo as an SVG picture, drawn by rich."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Final

from rich.console import Console
from rich.text import Text

from depthactors.cli.styled import COLOURS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from depthactors.cli.styled import Line, Style

_STYLES: Final[Mapping[Style, str]] = {"": "", "bold": "bold", "dim": "dim", "chosen": "bold", **COLOURS}


def save(lines: Sequence[Line], width: int, path: Path, title: str) -> None:
    """Write lines of a screen as a picture.

    Raises:
        OSError: the file cannot be written.
    """
    console = Console(file=io.StringIO(), record=True, force_terminal=True, width=width)
    for line in lines:
        console.print(Text.assemble(*((text, _STYLES[style]) for text, style in line)), no_wrap=True)
    console.save_svg(str(path), title=title)
