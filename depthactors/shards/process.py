"""A worker's process: how it is started, and that it ends.

It is spawned, never forked, by the interpreter that `multiprocessing` would use, on every system. It does not import
the program's main module, so scripts need no guard, and notebooks work.
"""

from __future__ import annotations

import multiprocessing.spawn
import os
import subprocess
import sys
from pathlib import Path
from typing import Final

from depthactors.errors import LifecycleError
from depthactors.shards.line import Line

_PROGRAM: Final = """
import signal
signal.signal(signal.SIGINT, signal.SIG_IGN)
import depthactors.worker as w
w.main({descriptor})
"""
"""Ctrl-C is for the engine's process, and may come while the rest is loaded, which takes some tenths of a second."""


class WorkerProcess:
    """One process, and this end of its line. Whoever starts it calls `end`.

    Attributes:
        line: to it.
        pid: its number.
    """

    def __init__(self) -> None:
        """Start it, which takes milliseconds; it begins with the first message, after some tenths of a second.

        Raises:
            LifecycleError: the system has no process or descriptor to give, or no interpreter is known.
        """
        try:
            self.line, there = Line.pair()
        except OSError as error:
            msg = f"expected a pair of sockets for a worker process: {error}"
            raise LifecycleError(msg) from error
        try:
            executable = os.fsdecode(multiprocessing.spawn.get_executable() or "python3")
            # It finds what this program finds, the program's own modules included.
            environment = os.environ | {"PYTHONPATH": os.pathsep.join(path or str(Path.cwd()) for path in sys.path)}
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter
                [executable, "-P", "-c", _PROGRAM.format(descriptor=there.fileno())],
                stdin=subprocess.DEVNULL,
                pass_fds=(there.fileno(),),
                env=environment,
            )
        except OSError as error:
            self.line.close()
            self.line.release()
            msg = f"expected to start a worker process with {executable}: {error}"
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
