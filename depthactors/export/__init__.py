"""Recordings in the formats of other tools: hftbacktest's event array, Parquet, Tardis' incremental CSV.

    from depthactors import export

    export.to_tardis("btcusdt.gz", "btcusdt.csv.gz")

Every target gets the same steps (`export.steps`): a snapshot, the events that continue it, and each gap. What stands in
a recording before its first snapshot, and behind a gap until the next snapshot, belongs to no book and is left out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from depthactors.export.hftbacktest import to_hftbacktest
    from depthactors.export.parquet import to_parquet
    from depthactors.export.result import Exported, Progress
    from depthactors.export.tardis import to_tardis
    from depthactors.recording.continuity import Gap

__all__ = ["Exported", "Gap", "Progress", "to_hftbacktest", "to_parquet", "to_tardis"]

_MODULES = {
    "Exported": "result",
    "Gap": "steps",
    "Progress": "result",
    "to_hftbacktest": "hftbacktest",
    "to_parquet": "parquet",
    "to_tardis": "tardis",
}
_PACKAGES = {"numpy", "pyarrow"}


def __dir__() -> list[str]:
    """Return all names, so that `help()` and `dir()` show them before they are imported."""
    return sorted({*globals(), *__all__})


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used: a target needs no package of another one."""
    from importlib import import_module  # noqa: PLC0415 - only needed here

    from depthactors.errors import DependencyError  # noqa: PLC0415

    if name not in _MODULES:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    try:
        return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package not in _PACKAGES:
            raise
        msg = f"depthactors.export.{name} needs the package {package!r}: pip install 'depthactors[export]'"
        raise DependencyError(msg) from None
