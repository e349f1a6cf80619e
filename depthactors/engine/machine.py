"""The machine that an engine runs on: this one, or a simulated one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from depthactors.dispatcher.pooled import PooledDispatcher
from depthactors.net.network import SocketNetwork

if TYPE_CHECKING:
    from collections.abc import Callable

    from depthactors.actors.book_spec import BookSpec
    from depthactors.actors.recording_entry import Files
    from depthactors.dispatcher.dispatcher import Dispatcher
    from depthactors.net.network import Network
    from depthactors.net.settings import NetworkSettings
    from depthactors.recording import RecordTo
    from depthactors.shards.process import Process


@dataclass(frozen=True, slots=True)
class Machine:
    """The parts of an engine that a simulation replaces.

    Attributes:
        new_dispatcher: a function that makes the dispatcher of one engine.
        new_network: a function that makes the way to the exchange.
        new_process: a function that starts a worker process; it takes the worker's name. `None` for `WorkerProcess`.
        open_files: a function that opens the files of a book's recording. `None` for the files of this machine.
    """

    new_dispatcher: Callable[[], Dispatcher] = PooledDispatcher
    new_network: Callable[[NetworkSettings], Network] = SocketNetwork
    new_process: Callable[[str], Process] | None = None
    open_files: Callable[[RecordTo, BookSpec], Files] | None = None


THIS_MACHINE: Final = Machine()
"""Threads, sockets, processes and the system's clock."""
