"""The books of a worker: an engine like any other, which takes orders and puts its reports into an outbox.

It knows no process and no channel: those are `worker.worker`'s, and a simulation has others.
"""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from depthactors.engine.lifecycle import Running
from depthactors.engine.machine import THIS_MACHINE, Machine
from depthactors.engine.runtime import Runtime
from depthactors.shards.messages import Alive, Answer, ErrorReport
from depthactors.worker.leases import LeasedNetwork, Leases
from depthactors.worker.orders import Orders
from depthactors.worker.portable import portable
from depthactors.worker.slots import WorkerSlots

if TYPE_CHECKING:
    from collections.abc import Callable

    from depthactors.errors import DepthActorsError
    from depthactors.shards.messages import Begin
    from depthactors.worker.outbox import Outbox


class WorkerEngine:
    """Takes the messages of the engine's process, once started.

    Thread: one starts, takes and stops.
    """

    def __init__(
        self,
        begin: Begin,
        outbox: Outbox,
        end: Callable[[], None],
        *,
        machine: Machine = THIS_MACHINE,
        cpu: Callable[[], float] = time.process_time,
    ) -> None:
        """Start nothing yet.

        Args:
            begin: the first message of the engine's process.
            outbox: the sender of the reports.
            end: a function that ends the worker, called if an order fails for no known reason. Thread: any.
            machine: the machine that the actors run on; its allowance is replaced by that of the engine's process.
            cpu: a function that returns the processor time of the process so far, in seconds.
        """
        self._outbox = outbox
        self._cpu = cpu
        self._leases = leases = Leases(outbox)
        slots = WorkerSlots(Path(begin.folder), self._beat)
        leasing = replace(machine, new_network=lambda way: LeasedNetwork(machine.new_network(way), leases))
        self._runtime = Runtime(
            begin.settings, self._report, Running(self.stop), sharing=slots, record=begin.record, machine=leasing
        )
        self._orders = Orders(begin.name, self._runtime, slots, outbox, end)

    @property
    def alive(self) -> bool:
        """Whether its supervisor was started and has not ended. Thread: any."""
        return self._runtime.alive

    def start(self) -> None:
        """Start the supervisor; errors as for `Runtime.start`."""
        self._runtime.start()

    def take(self, message: Any) -> None:
        """Take a message of the engine's process; returns at once."""
        if isinstance(message, Answer):
            self._leases.take_answer(message)
        else:
            self._orders.put(message)

    def stop(self, timeout: float) -> None:
        """Carry out no further order, and stop all books and connections."""
        self._orders.close()
        self._runtime.stop(timeout)

    def _beat(self) -> None:
        self._outbox.put(Alive(self._cpu()))

    def _report(self, error: DepthActorsError) -> None:
        self._outbox.put(ErrorReport(portable(error)))
