"""A terminal for a test: a command runs on it, keys are pressed, and how it was left can be seen."""

import codecs
import fcntl
import os
import pty
import select
import struct
import subprocess
import sys
import termios
import time

PATIENCE = 20.0
OTHER_SCREEN, FORMER_SCREEN = "\x1b[?1049h", "\x1b[?1049l"


class Terminal:
    """One side of a pseudo-terminal, whose other side a process has."""

    def __init__(self, *command, size=(100, 40), term="xterm", **options):
        self.ours, self.theirs = pty.openpty()
        fcntl.ioctl(self.theirs, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))
        self.settings = termios.tcgetattr(self.theirs)
        variables = {name: value for name, value in os.environ.items() if name not in {"COLUMNS", "LINES"}}
        self.child = subprocess.Popen(
            [sys.executable, *command],
            stdin=self.theirs,
            stdout=self.theirs,
            stderr=self.theirs,
            env=variables | {"TERM": term, "LC_ALL": "C.UTF-8"},
            **options,
        )
        self.written = ""
        # A read may end within a character.
        self._decoder = codecs.getincrementaldecoder("utf-8")()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.child.kill()
        self.child.wait()
        for each in (self.ours, self.theirs):
            if each >= 0:
                os.close(each)

    def wait_for(self, words, *, anywhere=False):
        """Read until these words have come, since the last call or `anywhere`; returns what was read.

        A cell of the screen that has the right character already is not written again: words that replace others need
        not come as a whole.
        """
        begun = 0 if anywhere else len(self.written)
        deadline = time.monotonic() + PATIENCE
        while words not in self.written[begun:]:
            assert time.monotonic() < deadline, f"expected {words!r}, was {self.written[begun:]!r}"
            if not self._read(0.1):
                assert self.child.poll() is None, f"expected {words!r}, ended after {self.written[begun:]!r}"
        return self.written[begun:]

    def press(self, keys):
        os.write(self.ours, keys.encode())

    def end(self):
        """Read to the end of the process; returns its status and all that it wrote."""
        deadline = time.monotonic() + PATIENCE
        while self.child.poll() is None:
            assert time.monotonic() < deadline, f"it goes on: {self.written!r}"
            self._read(0.05)
        while self._read(0.0):
            pass
        return self.child.returncode, self.written

    def is_as_it_was(self):
        """Whether the settings are those of before, and the former screen is shown."""
        there, back = self.written.rfind(OTHER_SCREEN), self.written.rfind(FORMER_SCREEN)
        return termios.tcgetattr(self.theirs) == self.settings and there < back

    def close(self):
        """Take the terminal away, as the end of its window does."""
        for each in (self.ours, self.theirs):
            os.close(each)
        self.ours = self.theirs = -1

    def _read(self, seconds):
        if not select.select([self.ours], [], [], seconds)[0]:
            return False
        self.written += self._decoder.decode(os.read(self.ours, 1 << 16))
        return True
