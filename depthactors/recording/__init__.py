"""Recordings of depth traffic: gzip text, a message a line, `<receive time, ns> <json>`.

A line's JSON is a websocket frame as it arrived, or a REST depth reply (a bare object with
`lastUpdateId`). It is the format of hftbacktest's collector, so its tools read ours and we read its.
"""

from depthactors.recording.lines import Line, read
from depthactors.recording.views import book_at, views
from depthactors.recording.writer import Writer

__all__ = ["Line", "Writer", "book_at", "read", "views"]
