"""Programs that talk by lines: the contestants' processes, each ended by whoever started it."""

from __future__ import annotations

import json
import os
import select
import subprocess
import tempfile
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from typing import Self

ENDING = 20.0


class Program:
    """A process that is told lines and tells lines; leaving the `with` statement ends it.

    What it says on stderr is kept for the error that tells of its end.
    """

    def __init__(self, command, *, path=None) -> None:
        self.name = str(command[1])
        local = {"NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"} | ({"PYTHONPATH": str(path)} if path else {})
        self._complaints = tempfile.TemporaryFile()  # noqa: SIM115 - open as long as the program runs
        # Unbuffered: a line that was read along with another could not be waited for.
        self._process = subprocess.Popen(
            list(map(str, command)),
            bufsize=0,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._complaints,
            env=os.environ | local,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._process.stdin.close()
        try:
            self._process.wait(ENDING)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()
        self._complaints.close()

    def tell(self, line="") -> None:
        """Send a line."""
        self._process.stdin.write(f"{line}\n".encode())

    def hear(self, patience) -> Any:
        """Return what the next line says, as JSON; lines that are none are a program's own chatter.

        Raises:
            TimeoutError: nothing in so many seconds.
            RuntimeError: the program ended.
        """
        deadline = time.monotonic() + patience
        while True:
            if not select.select([self._process.stdout], [], [], max(0.0, deadline - time.monotonic()))[0]:
                msg = f"{self.name} said nothing for {patience:g} s"
                raise TimeoutError(msg)
            line = self._process.stdout.readline()
            if not line:
                msg = f"{self.name} ended with {self._process.wait()}{self._last_words()}"
                raise RuntimeError(msg)
            try:
                return json.loads(line)
            except ValueError:
                continue

    def _last_words(self):
        self._complaints.seek(0)
        lines = self._complaints.read().decode(errors="replace").splitlines()
        return f": {lines[-1]}" if lines else ""
