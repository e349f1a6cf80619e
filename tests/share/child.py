"""Child processes that talk in lines of JSON, and end with their parent, however that ends."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Self

ROOT = Path(__file__).parents[2]
ENDING = 20.0
"""Seconds for a child to end by itself."""


class Child:
    """One of them. Leaving the `with` statement ends it: by a word, or else by force.

    Attributes:
        process: for its id.
    """

    def __init__(self, module: str, *arguments: object, hear: Callable[[Any], None] | None = None) -> None:
        """Start `python -m tests.share.MODULE`; what it says goes to `hear`, in a thread, or waits for `heard`."""
        # A session of its own: Ctrl-C is for the parent, which ends its children in order.
        self.process = subprocess.Popen(
            [sys.executable, "-m", f"tests.share.{module}", *map(str, arguments)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
            env=os.environ | {"NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"},
        )
        self._said: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._hear = hear or self._said.put
        # A daemon: Ctrl-C may come before anybody knows of this child, which then ends with this process.
        self._thread = threading.Thread(target=self._listen, name="share-child", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def heard(self, patience: float) -> Any:
        """Return what it says next.

        Raises:
            TimeoutError: nothing, or it has ended.
        """
        try:
            said = self._said.get(timeout=patience)
        except queue.Empty:
            said = None
        if said is None:
            msg = f"expected a word of {self.process.args[2:]} within {patience:g} s, was none: {self.process.poll()}"
            raise TimeoutError(msg)
        return said

    def kill(self) -> None:
        """SIGKILL."""
        self.process.kill()
        self._ended()

    def end(self) -> None:
        """Let it end by itself, and by force if it does not; idempotent."""
        if not self.process.stdin.closed:
            self.process.stdin.close()
        try:
            self.process.wait(ENDING)
        except BaseException:
            self.process.kill()
            raise
        finally:
            self._ended()

    def _ended(self) -> None:
        self.process.wait()
        self.process.stdin.close()
        self._thread.join()
        self.process.stdout.close()

    def _listen(self) -> None:
        for line in self.process.stdout:
            if line.endswith(b"\n"):
                self._hear(json.loads(line))
        self._said.put(None)


def say(word: Any) -> None:
    """Tell the parent, in the child."""
    sys.stdout.write(f"{json.dumps(word)}\n")
    sys.stdout.flush()


def parent_wants_the_end() -> threading.Event:
    """Return what is set, in the child, once the parent has no more use for it or is gone."""
    over = threading.Event()

    def wait() -> None:
        os.read(sys.stdin.fileno(), 1)
        over.set()

    threading.Thread(target=wait, daemon=True).start()
    return over
