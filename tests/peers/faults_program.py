"""A client program in its own process: its lines, the orders it gets, and its end."""

import json
import os
import queue
import subprocess
import tempfile
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from faults_client import STOP_PATIENCE

HERE = Path(__file__).parent
EXIT_GRACE = 2.0
"""Seconds for the interpreter itself to end."""
LAST_WORDS = 2_000


class Ending(NamedTuple):
    """How a program ended: whether as it was asked to and within its time, and in words."""

    clean: bool
    how: str


class Log(NamedTuple):
    """What a program wrote to stderr: how much, and the end of it."""

    size: int
    last_words: str


class Program:
    """Runs from its making to the end of the `with` block at the latest."""

    def __init__(self, file, python, port):
        local = {"NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}
        # A pipe that nobody reads would hold up a client that logs much.
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - closed at the end of the block
        self._process = subprocess.Popen(
            [python, HERE / file, str(port)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            env=os.environ | local,
        )
        self._lines = queue.SimpleQueue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        self._process.kill()
        self._process.wait()
        self._reader.join()
        for file in (self._process.stdin, self._process.stdout, self._log):
            # What it was told last may still wait to be sent.
            with suppress(BrokenPipeError):
                file.close()

    def line(self, until):
        """Return the next line, or `None` when there is none before that monotonic time."""
        try:
            return self._lines.get(timeout=max(0.0, until - time.monotonic()))
        except queue.Empty:
            return None

    def order(self, text):
        # Of one that has ended by itself, `stop` will tell.
        with suppress(BrokenPipeError):
            self._process.stdin.write(f"{text}\n".encode())
            self._process.stdin.flush()

    def stop(self):
        """Ask the program to stop, and kill it if it does not."""
        if self._process.poll() is not None:
            return Ending(False, f"it ended by itself, status {self._process.returncode}")
        self.order("stop")
        try:
            status = self._process.wait(STOP_PATIENCE + EXIT_GRACE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return Ending(False, f"stop() has not returned after {STOP_PATIENCE + EXIT_GRACE:g} s, killed")
        self._reader.join()
        told = None
        while (line := self.line(0.0)) is not None:
            told = line if "stopped" in line else told
        if told is None or status:
            return Ending(False, f"it failed when it was stopped, status {status}")
        if not told["stopped"]:
            return Ending(False, f"its thread is alive {told['seconds']:.1f} s after stop()")
        return Ending(told["seconds"] <= STOP_PATIENCE, f"stopped in {told['seconds']:.1f} s")

    def log(self):
        """Return what has been logged so far."""
        size = os.fstat(self._log.fileno()).st_size
        with os.fdopen(os.dup(self._log.fileno()), "rb") as log:
            log.seek(max(0, size - LAST_WORDS))
            return Log(size, log.read(LAST_WORDS).decode(errors="replace"))

    def _read(self):
        for text in self._process.stdout:
            try:
                line = json.loads(text)
            except ValueError:
                # A peer may print lines of its own.
                continue
            if isinstance(line, dict):
                self._lines.put(line)
