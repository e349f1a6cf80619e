"""The machine that an engine runs on: this one, or a simulated one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from depthactors.dispatcher.pooled import PooledDispatcher
from depthactors.net.network import SocketNetwork
from depthactors.shards.process import WorkerProcess

if TYPE_CHECKING:
    from collections.abc import Callable

    from depthactors.dispatcher.dispatcher import Dispatcher
    from depthactors.net.network import Network
    from depthactors.net.settings import NetworkSettings
    from depthactors.shards.process import Process


@dataclass(frozen=True, slots=True)
class Machine:
    """What an engine gets from its surroundings.

    Attributes:
        new_dispatcher: returns what runs the actors of one engine, and is their clock.
        new_network: returns the way to the exchange.
        new_process: starts a worker process; takes the worker's name.
    """

    new_dispatcher: Callable[[], Dispatcher] = PooledDispatcher
    new_network: Callable[[NetworkSettings], Network] = SocketNetwork
    new_process: Callable[[str], Process] = WorkerProcess


THIS_MACHINE: Final = Machine()
"""Threads, sockets, processes and the system's clock."""
