"""The exchange's protocol: from its frames and answers to values, and from requests to JSON.

Everything that comes from outside is checked here, as a whole, before any book sees it: a frame either becomes a `Diff`
that can be applied without a fault, or a `MalformedFrameError`. Unknown keys are ignored (the exchange adds some every
year). Nothing here knows a socket or a book.

Functions named `read_...` take what came over the network, those named `parse_...` what JSON was decoded to.
"""

from depthactors.binance.control import TOO_MANY_STREAMS, ControlReply, Notice, parse_notice, subscribe, unsubscribe
from depthactors.binance.depth_reply import MAX_BODY, DepthReply, read_depth_reply
from depthactors.binance.diff import Diff, parse_diff, read_diff
from depthactors.binance.envelope import BINARY, TEXT, decode, payload_of, read_envelope, stream_of
from depthactors.binance.http_answer import HttpAnswer, read_date
from depthactors.binance.levels import Levels, decimals_of, parse_levels
from depthactors.binance.not_now import NotNow, read_not_now
from depthactors.binance.snapshot import Snapshot, parse_snapshot

__all__ = [
    "BINARY",
    "MAX_BODY",
    "TEXT",
    "TOO_MANY_STREAMS",
    "ControlReply",
    "DepthReply",
    "Diff",
    "HttpAnswer",
    "Levels",
    "NotNow",
    "Notice",
    "Snapshot",
    "decimals_of",
    "decode",
    "parse_diff",
    "parse_levels",
    "parse_notice",
    "parse_snapshot",
    "payload_of",
    "read_date",
    "read_depth_reply",
    "read_diff",
    "read_envelope",
    "read_not_now",
    "stream_of",
    "subscribe",
    "unsubscribe",
]
