"""Recordings in the formats of other tools: hftbacktest's event array, Parquet, Tardis' incremental CSV.

    from depthactors import export

    export.to_tardis("btcusdt.gz", "btcusdt.csv.gz")

Every target gets the same steps (`export.steps`): a snapshot, the events that continue it, and each gap. What stands in
a recording before its first snapshot, and behind a gap until the next snapshot, belongs to no book and is left out.

What every target takes and does; O(recording), in bounded memory and in the caller's thread:

    source: path of a recording: a file, a folder, or several files of one symbol, in any order.
    symbol: symbol whose files are exported, in a folder with others.
    out: path of the file or folder to write. It must not exist, and it is there when it is complete.
    market: market of the recording; by default the one in its notes, or else recognised from the depth events.
    progress: function that is called meanwhile, see `Progress`.

It returns `Exported`. Errors: `UsageError`, an argument is not allowed; `RecordingError`, the recording is unreadable,
malformed, not what its notes say, of several symbols, or without a snapshot, with file and line; `ExportError`, `out`
cannot be written; `DependencyError`, a package is not installed. A file that ends within a line is exported up to
there, see `Exported.warnings`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from depthactors.on_demand import on_demand

if TYPE_CHECKING:
    from depthactors.export.hftbacktest import to_hftbacktest
    from depthactors.export.parquet import to_parquet
    from depthactors.export.result import Exported, Progress
    from depthactors.export.tardis import to_tardis
    from depthactors.recording.continuity import Gap

__all__ = ["Exported", "Gap", "Progress", "to_hftbacktest", "to_parquet", "to_tardis"]

if not TYPE_CHECKING:
    __getattr__, __dir__ = on_demand(
        __name__,
        {
            "Exported": "result",
            "Gap": "steps",
            "Progress": "result",
            "to_hftbacktest": "hftbacktest",
            "to_parquet": "parquet",
            "to_tardis": "tardis",
        },
        extra="export",
        needs={"to_hftbacktest": ["numpy"], "to_parquet": ["numpy", "pyarrow"]},
    )
