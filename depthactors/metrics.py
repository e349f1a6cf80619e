"""A Prometheus collector for engines (extra `metrics`).

    from prometheus_client import REGISTRY, start_http_server
    from depthactors.metrics import EngineCollector

    REGISTRY.register(EngineCollector(main=engine))
    start_http_server(9100)

Names and units follow Prometheus' conventions: base units in the name, `_total` for counters.
Nothing is counted here; each scrape asks the engines for their status (`DepthEngine.status`).
"""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from depthactors.errors import LifecycleError

try:
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
    from prometheus_client.registry import Collector
except ModuleNotFoundError as error:
    if (error.name or "").partition(".")[0] != "prometheus_client":
        raise
    msg = "depthactors.metrics needs the package 'prometheus_client': pip install 'depthactors[metrics]'"
    raise ImportError(msg, name=error.name) from None

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from depthactors.engine.depth_engine import DepthEngine
    from depthactors.status import EngineStatus

_Row: TypeAlias = "tuple[tuple[str, ...], Any]"
"""Labels of a row of the status, and the row."""

_BOOK_LABELS: Final = ("engine", "market", "symbol", "interval")
_SOCKET_LABELS: Final = ("engine", "market", "connection")
_POOL_LABELS: Final = ("engine", "pool")

_BOOK_GAUGES: Final = {
    "live": ("live", "Whether the book equals the exchange's (1) or says that it does not (0)"),
    "age_seconds": ("age", "Seconds since the book's last change; 0 before the first"),
    "lag_seconds": ("lag", "Seconds for which the oldest frame not yet handled has waited"),
    "promised_levels": ("depth", "Levels a side that are promised"),
    "trusted_bid_levels": ("trusted_bids", "Best bids that the last snapshot vouches for"),
    "trusted_ask_levels": ("trusted_asks", "Best asks that the last snapshot vouches for"),
    "waiting_frames": ("waiting_frames", "Frames not yet handled"),
}
_BOOK_COUNTERS: Final = {
    "diffs": ("counters.diffs", "Depth events that the book's connection brought"),
    "applied": ("counters.applied", "Depth events that changed the book"),
    "stale": ("counters.stale", "Depth events that the book had already"),
    "gaps": ("counters.gaps", "Depth events before which something was missing"),
    "faults": ("counters.faults", "Frames lost or unreadable, crossed books, streams that were doubted"),
    "resyncs": ("counters.resyncs", "Times that a book that was live was made anew"),
    "snapshots": ("counters.snapshots", "Snapshots that arrived"),
    "refreshes": ("counters.refreshes", "Times that a live book was replaced by a fresh one"),
    "handovers": ("counters.handovers", "Times that a successor connection took over without a gap"),
    "audits": ("counters.audits", "Comparisons of a book with a fresh one at the same update id"),
    "audit_differences": ("counters.audit_differences", "Levels that differed in these comparisons"),
    "lost_frames": ("counters.lost_frames", "Frames that found no room in the mailbox"),
    "drops": ("counters.drops", "Times that all that waited for the book was dropped, since all books had too much"),
    "callback_errors": ("counters.callback_errors", "Calls of listeners that raised"),
    "coalesced": ("counters.coalesced", "Updates that listeners were not called for, since a later one was there"),
    "restarts": ("restarts", "Times that the book's actor was replaced"),
}
_RECORDING_GAUGES: Final = {"up": ("writes", "Whether the disk takes what arrives for the book")}
_RECORDING_COUNTERS: Final = {
    "frames": ("frames", "Websocket frames that were recorded"),
    "bytes": ("bytes", "Bytes of the files, compressed"),
    "gaps": ("gaps", "Gaps that the files have marked"),
    "files": ("files", "Files that were begun"),
    "lost": ("lost", "Events that never came to the files"),
    "failures": ("failures", "Times that the disk refused what was to be written"),
}
_SOCKET_GAUGES: Final = {
    "up": ("connected", "Whether the connection is open"),
    "streams": ("streams", "Streams that it carries or will carry"),
    "age_seconds": ("age", "Seconds since the connection was made"),
    "failed_attempts": ("failures", "Tries that failed since the last acknowledged subscription"),
}
_SOCKET_COUNTERS: Final = {
    "attempts": ("connections", "Connections that were made or tried"),
    "rotations": ("rotations", "Times that a successor took over in good order"),
    "restarts": ("restarts", "Times that the socket actor was replaced"),
}
_POOL_GAUGES: Final = {
    "queued": ("waiting", "Snapshots not yet asked for"),
    "under_way": ("under_way", "Snapshot requests not yet answered"),
    "estimate_seconds": ("estimate", "Seconds until all that waits can have been asked for"),
    "weight_used": ("used_weight", "Request weight used in this minute, by everybody behind the address"),
    "weight_allowed": ("allowed_weight", "Request weight that the exchange allows in a minute"),
    "weight_others": ("others_weight", "Request weight that others are expected to use in a minute"),
    "silent_seconds": ("silent_for", "Seconds for which a 429 or 418 forbids everything"),
}
_POOL_COUNTERS: Final = {
    "fetched": ("fetched", "Snapshots fetched"),
    "failed": ("failed", "Snapshot requests that failed"),
    "limited": ("limited", "Answers with 429 or 418"),
    "restarts": ("restarts", "Times that the snapshot actor was replaced"),
}
_WORKER_LABELS: Final = ("engine", "worker")
_WORKER_GAUGES: Final = {"up": ("running", "Whether there is a process")}
_WORKER_COUNTERS: Final = {
    "cpu_seconds": ("cpu", "Processor time of the present process"),
    "restarts": ("restarts", "Times that the process was replaced"),
    "left_out": ("left_out", "Messages that the present process did not send, since the engine took none for long"),
    "refused": ("refused", "Questions that the present process refused, since too many orders waited in it"),
}
"""In each table, by a metric's name: the attribute of the row that it shows, and its description."""


class EngineCollector(Collector):
    """The status of one or more engines as metrics; register it with a `CollectorRegistry`.

    An engine that is not running has only the row `depthactors_engine_up 0`; a scrape does not start it.
    """

    def __init__(self, **engines: DepthEngine[Any]) -> None:
        """Keep the engines; each one's name is the value of the label `engine`."""
        self._engines = engines

    def collect(self) -> Iterator[Metric]:
        """Ask every engine once and yield each metric family. Thread: the scraping one."""
        statuses = {name: _status_of(engine) for name, engine in self._engines.items()}
        up = GaugeMetricFamily("depthactors_engine_up", "Whether the engine is running", labels=("engine",))
        for name, status in statuses.items():
            up.add_metric([name], status is not None)
        yield up
        running = {name: status for name, status in statuses.items() if status is not None}
        for group, labels, gauges, counters, key_and_rows in (
            ("book", _BOOK_LABELS, _BOOK_GAUGES, _BOOK_COUNTERS, _book_rows),
            ("recording", _BOOK_LABELS, _RECORDING_GAUGES, _RECORDING_COUNTERS, _recording_rows),
            ("connection", _SOCKET_LABELS, _SOCKET_GAUGES, _SOCKET_COUNTERS, _socket_rows),
            ("snapshots", _POOL_LABELS, _POOL_GAUGES, _POOL_COUNTERS, _pool_rows),
            ("worker", _WORKER_LABELS, _WORKER_GAUGES, _WORKER_COUNTERS, _worker_rows),
        ):
            rows = [((name, *key), row) for name, status in running.items() for key, row in key_and_rows(status)]
            for kind, table in ((GaugeMetricFamily, gauges), (CounterMetricFamily, counters)):
                yield from _families(kind, f"depthactors_{group}", labels, table, rows)


def _status_of(engine: DepthEngine[Any]) -> EngineStatus | None:
    try:
        return engine.status() if engine.running else None
    except LifecycleError:
        # It was stopped meanwhile.
        return None


def _book_rows(status: EngineStatus) -> Iterator[_Row]:
    for row in status.books:
        yield (row.market, row.symbol, f"{row.speed_ms}ms"), row


def _recording_rows(status: EngineStatus) -> Iterator[_Row]:
    return ((key, row.recording) for key, row in _book_rows(status) if row.recording is not None)


def _socket_rows(status: EngineStatus) -> Iterator[_Row]:
    for row in status.sockets:
        yield (row.market, row.name), row


def _pool_rows(status: EngineStatus) -> Iterator[_Row]:
    for row in status.pools:
        yield (row.name,), row


def _worker_rows(status: EngineStatus) -> Iterator[_Row]:
    for row in status.workers:
        yield (row.name,), row


def _families(
    kind: type[GaugeMetricFamily | CounterMetricFamily],
    prefix: str,
    labels: Sequence[str],
    table: Mapping[str, tuple[str, str]],
    rows: Iterable[_Row],
) -> Iterator[Metric]:
    for name, (attribute, words) in table.items():
        value = attrgetter(attribute)
        family = kind(f"{prefix}_{name}", words, labels=labels)
        for key, row in rows:
            if (number := value(row)) is not None:
                family.add_metric(key, float(number))
        yield family
