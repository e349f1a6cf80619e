"""A worker's process: how it is started, and that it ends.

It is spawned, never forked, by the interpreter that `multiprocessing` would use, on every system. It does not import
the program's main module, so scripts need no guard, and notebooks work.
"""

from __future__ import annotations

import subprocess

from depthactors.errors import LifecycleError
from depthactors.shards import interpreter
from depthactors.shards.channel import Channel


class WorkerProcess:
    """One process, and this end of its line. Whoever starts it calls `end`.

    Attributes:
        line: to it.
        pid: its number.
    """

    def __init__(self) -> None:
        """Start it, which takes milliseconds; it begins with the first message, after some tenths of a second.

        Raises:
            LifecycleError: the system has no process or descriptor to give, or the interpreter cannot be run.
        """
        try:
            self.line, there = Channel.pair()
        except OSError as error:
            msg = f"expected a pair of sockets for a worker process: {error}"
            raise LifecycleError(msg) from error
        try:
            command = interpreter.command(there.fileno())
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter
                command,
                stdin=subprocess.DEVNULL,
                pass_fds=(there.fileno(),),
                env=interpreter.environment(),
            )
        except OSError as error:
            self.line.close()
            self.line.release()
            msg = f"expected to start a worker process with {command[0]}: {error}"
            raise LifecycleError(msg) from error
        finally:
            there.close()
        self.pid = self._process.pid

    def end(self, timeout: float) -> bool:
        """End the line, wait for the process, and kill it when the time is over; returns whether it ended by itself.

        When this returns there is no process, and no zombie.
        """
        self.line.close()
        try:
            self._process.wait(max(0.0, timeout))
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            return False
        return True

    def kill(self) -> None:
        """End it at once, whatever it is at; it cannot write to any slot any more on return."""
        self._process.kill()
        self._process.wait()

    @property
    def status(self) -> int | None:
        """Its exit status: negative for the signal that killed it, `None` while it runs."""
        return self._process.poll()
