"""The version of the package that this process has loaded, even if another one is installed later."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from typing import Final


def _installed() -> str:
    try:
        return version("depthactors")
    except PackageNotFoundError:
        # A copy that was not installed.
        return "unknown"


VERSION: Final = _installed()
