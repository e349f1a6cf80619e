"""A thread that fetches depth snapshots, one at a time. It has no state but its client."""

from __future__ import annotations

import threading
from queue import SimpleQueue
from typing import TYPE_CHECKING, NamedTuple, Protocol

from depthactors import reporting
from depthactors.binance import DepthReply
from depthactors.dispatcher.threads import start_thread
from depthactors.errors import SnapshotError

if TYPE_CHECKING:
    from collections.abc import Callable

    from depthactors.markets import Market

logger = reporting.logger(__name__)


class DepthClient(Protocol):
    """The client of the thread; see `net.rest.RestClient`."""

    def fetch_depth(self, market: Market, symbol: str, limit: int, request_id: int = 0) -> DepthReply:
        """Fetch one snapshot; blocks."""

    def cut(self, request_id: int = 0) -> None:
        """Make the request of that id fail. Thread: any."""

    def abort(self) -> None:
        """Make the running request fail, and any further one. Thread: any."""

    def close(self) -> None:
        """Close the idle connections."""


class _Job(NamedTuple):
    request_id: int
    market: Market
    symbol: str
    limit: int


class FetchingThread:
    """A thread with a client, from `start` to `abort`.

    Thread: any may call the methods; private methods run in this thread.

    Attributes:
        thread: a daemon; it ends after `abort`.
    """

    def __init__(self, name: str, client: DepthClient, on_reply: Callable[[int, DepthReply], None]) -> None:
        """Start nothing yet.

        Args:
            name: the thread's name.
            client: a client for this thread alone.
            on_reply: called in this thread with the id and the reply of each request; it must not block.
        """
        self.thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._client = client
        self._on_reply = on_reply
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()

    def start(self) -> None:
        """Start the thread.

        Raises:
            LifecycleError: the system cannot start another thread.
        """
        start_thread(self.thread, self.thread.name)

    def fetch(self, request_id: int, market: Market, symbol: str, limit: int) -> None:
        """Fetch a snapshot, after the earlier ones."""
        self._jobs.put(_Job(request_id, market, symbol, limit))

    def cut(self, request_id: int) -> None:
        """Fail the request of that id if it is under way, however steadily the answer arrives."""
        self._client.cut(request_id)

    def abort(self) -> None:
        """Fail the request under way, and end the thread; returns at once."""
        self._jobs.put(None)
        self._client.abort()

    def _run(self) -> None:
        try:
            while (job := self._jobs.get()) is not None:
                self._on_reply(job.request_id, self._reply(job))
        finally:
            self._client.close()

    def _reply(self, job: _Job) -> DepthReply:
        """Fetch one snapshot; whatever is raised is a failure of this request and of no other."""
        try:
            return self._client.fetch_depth(job.market, job.symbol, job.limit, job.request_id)
        except BaseException as error:
            logger.exception("! %s %s: the request failed unexpectedly", self.thread.name, job.symbol)
            return DepthReply(SnapshotError(f"{job.symbol}: {type(error).__name__}: {error}"))
