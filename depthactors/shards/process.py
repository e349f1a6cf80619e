"""Starting and stopping a worker process, and the messages between it and this process.

It is spawned, never forked, by the interpreter that `multiprocessing` would use, on every system. It does not import
the program's main module, so scripts need no guard, and notebooks work.
"""

from __future__ import annotations

import subprocess
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Protocol

from depthactors.dispatcher.threads import start_thread, thread_name
from depthactors.errors import LifecycleError, LineError
from depthactors.shards import interpreter
from depthactors.shards.channel import Channel, pickled
from depthactors.shards.greeting import check_greeting, greet
from depthactors.shards.messages import Stop

if TYPE_CHECKING:
    from collections.abc import Callable

    from depthactors.dispatcher.ending import Ending


class Process(Protocol):
    """One worker process, as its actor sees it. Call `stop` or `abort` in the end, then `close`."""

    pid: int

    @property
    def status(self) -> int | None:
        """The exit status: negative for the signal that killed the process, `None` while it runs."""

    def start(self, on_message: Callable[[Any], None], on_end: Callable[[BaseException], None]) -> Ending:
        """Exchange greetings, and receive from now on.

        Returns the receiving thread, or its like in a simulation; it ends with the process.

        Args:
            on_message: called with each message, one at a time; what it raises ends the receiving.
            on_end: called once, with a `LineError` if the process is gone, a `WorkerVersionError` if it is of another
                version of the package, or what `on_message` raised.
        """

    def send(self, message: Any) -> None:
        """Send a message; may wait for the process to read. To a process that is gone it is lost.

        Raises:
            Exception: the message cannot be pickled.
        """

    def stop(self, timeout: float) -> bool:
        """Have the process end, and kill it after `timeout` seconds; returns whether it ended by itself."""

    def abort(self) -> None:
        """Kill the process; on return it writes to no slot any more."""

    def close(self) -> None:
        """Give back what is left of a process that has ended."""


class WorkerProcess:
    """A process of this machine, and this end of its channel: a `Process`.

    Attributes:
        channel: the channel to the process.
        pid: the number of the process.
    """

    def __init__(self, name: str) -> None:
        """Start the process, which takes milliseconds; it begins to work after some tenths of a second.

        Args:
            name: the worker's name.

        Raises:
            LifecycleError: the system has no process or descriptor to give, or the interpreter cannot be run.
        """
        self._name = name
        try:
            self.channel, there = Channel.pair()
        except OSError as error:
            msg = f"expected a pair of sockets for a worker process: {error}"
            raise LifecycleError(msg) from error
        command = interpreter.command(there.fileno())
        try:
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter
                command,
                stdin=subprocess.DEVNULL,
                pass_fds=(there.fileno(),),
                env=interpreter.environment(),
            )
        except OSError as error:
            self.channel.abort()
            self.channel.close()
            msg = f"expected to start a worker process with {command[0]}: {error}"
            raise LifecycleError(msg) from error
        finally:
            there.close()
        self.pid = self._process.pid

    @property
    def status(self) -> int | None:
        """The exit status: negative for the signal that killed the process, `None` while it runs."""
        return self._process.poll()

    def start(self, on_message: Callable[[Any], None], on_end: Callable[[BaseException], None]) -> threading.Thread:
        """Exchange greetings, and receive from now on, in a thread of its own; see `Process`.

        Raises:
            LifecycleError: the system has no thread to give.
        """
        receiver = threading.Thread(
            target=self._receive, args=(on_message, on_end), name=thread_name(self._name), daemon=True
        )
        start_thread(receiver, self._name)
        self._send(greet())
        return receiver

    def send(self, message: Any) -> None:
        """Send a message; returns when the system has it. Thread: any."""
        self._send(pickled(message))

    def stop(self, timeout: float) -> bool:
        """End the channel, wait for the process, and kill it when the time is over; returns whether it ended by itself.

        On return there is no process, and no zombie.
        """
        self.channel.try_send(Stop())
        self.channel.abort()
        try:
            self._process.wait(max(0.0, timeout))
        except subprocess.TimeoutExpired:
            self.abort()
            return False
        return True

    def abort(self) -> None:
        """Kill the process; on return it writes to no slot any more."""
        self._process.kill()
        self._process.wait()
        # A fork of it may hold its end open.
        self.channel.abort()

    def close(self) -> None:
        """Give the descriptor back, when nothing is received any more."""
        self.channel.close()

    def _send(self, data: bytes) -> None:
        """Send; if nothing can be sent any more, the receiving thread finds the end of the channel and its reason."""
        with suppress(LineError):
            self.channel.send_bytes(data)

    def _receive(self, on_message: Callable[[Any], None], on_end: Callable[[BaseException], None]) -> None:
        try:
            check_greeting(self.channel.receive_bytes())
            while True:
                on_message(self.channel.receive())
        except BaseException as error:  # noqa: BLE001 - whatever it is, without this thread the process is of no use
            on_end(error)
