"""Starting and stopping a worker process.

It is spawned, never forked, by the interpreter that `multiprocessing` would use, on every system. It does not import
the program's main module, so scripts need no guard, and notebooks work.
"""

from __future__ import annotations

import subprocess

from depthactors.errors import LifecycleError
from depthactors.shards import interpreter
from depthactors.shards.channel import Channel
from depthactors.shards.messages import Stop


class WorkerProcess:
    """One process, and this end of its channel. Call `stop` or `abort` in the end.

    Attributes:
        channel: the channel to the process.
        pid: the number of the process.
    """

    def __init__(self) -> None:
        """Start the process, which takes milliseconds; it begins to work after some tenths of a second.

        Raises:
            LifecycleError: the system has no process or descriptor to give, or the interpreter cannot be run.
        """
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

    def stop(self, timeout: float) -> bool:
        """End the channel, wait for the process, and kill it when the time is over; returns whether it ended by itself.

        On return there is no process, and no zombie.
        """
        self.channel.try_send(Stop())
        self.channel.abort()
        try:
            self._process.wait(max(0.0, timeout))
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            return False
        return True

    def abort(self) -> None:
        """Kill the process; on return it writes to no slot any more."""
        self._process.kill()
        self._process.wait()

    @property
    def status(self) -> int | None:
        """The exit status: negative for the signal that killed the process, `None` while it runs."""
        return self._process.poll()
