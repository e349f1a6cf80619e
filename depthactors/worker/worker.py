"""A worker process of an engine: it keeps books, and gets its orders through a channel.

`shards.process` starts it. It ends when the channel ends, as it does with the engine's process, however that ends. If
the engine's process reads nothing for a while, because it is stopped or busy, the worker waits for it. What becomes of
the books when this process ends is decided in the engine's process: here a slot is labelled as stale at most.
"""

from __future__ import annotations

import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from depthactors import reporting
from depthactors.errors import LineError, WorkerVersionError
from depthactors.shards.channel import WORKER_PATIENCE, Channel
from depthactors.shards.greeting import check_greeting, greet
from depthactors.shards.interpreter import enter_worker
from depthactors.shards.messages import Stop
from depthactors.sharing.folder import remove_abandoned
from depthactors.worker.log_forwarder import LogForwarder
from depthactors.worker.outbox import WorkerOutbox
from depthactors.worker.parent_watch import ParentWatch
from depthactors.worker.worker_engine import WorkerEngine

if TYPE_CHECKING:
    from depthactors.shards.messages import Begin

logger = reporting.logger(__name__)

STOP_TIMEOUT: Final = 2.0
"""Seconds for everything to end after the channel has."""
_LOOK: Final = 0.01
"""Seconds between two checks whether the engine's process, which is being killed, is gone."""


def main(descriptor: int) -> None:
    """Serve the engine at the other end of this descriptor until it ends. Thread: the main one."""
    # Ctrl-C is for the engine's process, which ends this one.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    enter_worker()
    channel = Channel(descriptor, patience=WORKER_PATIENCE)
    try:
        channel.send_bytes(greet())
        check_greeting(channel.receive_bytes())
        Worker(channel, channel.receive()).run()
    except LineError:
        logger.debug("= the engine's process ended before this one had begun")
    except WorkerVersionError as error:
        # The engine's process finds the same, and reports it.
        logger.debug("= the messages of the engine's process cannot be read: %s", error)
    finally:
        channel.close()


class Worker:
    """A worker process: receives in the thread that calls `run`, sends in a second one, and carries out in others."""

    def __init__(self, channel: Channel, begin: Begin) -> None:
        """Start nothing yet.

        Args:
            channel: the channel to the engine's process.
            begin: its first message.
        """
        self._channel = channel
        self._log_level = begin.log_level
        self._folder = Path(begin.folder)
        self._outbox = WorkerOutbox(channel)
        self._log_forwarder = LogForwarder(self._outbox)
        self._engine = WorkerEngine(begin, self._outbox, self._end)
        self._watch = ParentWatch(begin.settings.timing.parent_look, lambda: self._engine.alive, self._end)
        self._is_stopped = False

    def run(self) -> None:
        """Receive until the channel ends, then end everything."""
        self._log_forwarder.open(self._log_level)
        self._outbox.start()
        self._engine.start()
        self._watch.start()
        try:
            while True:
                message = self._channel.receive()
                if isinstance(message, Stop):
                    self._is_stopped = True
                else:
                    self._engine.take(message)
        except LineError as error:
            logger.debug("= the worker ends: %s", error)
        finally:
            deadline = time.monotonic() + STOP_TIMEOUT
            is_killed = not self._is_stopped
            self._watch.stop()
            self._engine.stop(STOP_TIMEOUT)
            reporting.flush(max(0.0, deadline - time.monotonic()))
            self._log_forwarder.close()
            self._outbox.stop(max(0.0, deadline - time.monotonic()))
            self._remove_folder(deadline, is_killed=is_killed)

    def _end(self) -> None:
        """End this process, which the engine then replaces. Thread: any."""
        self._is_stopped = True
        self._channel.abort()

    def _remove_folder(self, deadline: float, *, is_killed: bool) -> None:
        """Remove the folder of an engine that was killed and could not do it; the last of its workers succeeds.

        Args:
            deadline: monotonic time at which waiting ends.
            is_killed: whether the engine's process is being killed: it may be ending still, and hold the folder's lock.
        """
        while is_killed and not self._watch.is_orphan and time.monotonic() < deadline:
            time.sleep(_LOOK)
        remove_abandoned(self._folder)
