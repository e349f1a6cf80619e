"""Recordings of depth traffic: gzip text, a message a line, `<receive time, ns> <json>`.

    for view in recording.views("recordings/", depth=20, every="100ms"): ...

A line's JSON is a websocket frame as it arrived, or a REST depth reply (a bare object with
`lastUpdateId`). It is the format of hftbacktest's collector, so its tools read ours and we read its.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from depthactors.on_demand import on_demand

if TYPE_CHECKING:
    from depthactors.recording.book_files import BookFiles, FileCounters
    from depthactors.recording.lines import Line
    from depthactors.recording.parts import read
    from depthactors.recording.proof import Proof, verify
    from depthactors.recording.record_to import RecordTo
    from depthactors.recording.rotation import Rotation
    from depthactors.recording.sampling import book_at, views

__all__ = ["BookFiles", "FileCounters", "Line", "Proof", "RecordTo", "Rotation", "book_at", "read", "verify", "views"]

if not TYPE_CHECKING:
    __getattr__, __dir__ = on_demand(
        __name__,
        {
            "BookFiles": "book_files",
            "FileCounters": "book_files",
            "Line": "lines",
            "Proof": "proof",
            "RecordTo": "record_to",
            "Rotation": "rotation",
            "book_at": "sampling",
            "read": "parts",
            "verify": "proof",
            "views": "sampling",
        },
    )
