"""Ctrl-C at each place of a call where Python may raise it."""

import sys
from pathlib import Path

import pytest

import depthactors

PACKAGE = str(Path(depthactors.__file__).parent)
LOGGING = str(Path(PACKAGE, "reporting"))
"""What is raised in there goes no further."""


class InterruptedAt:
    """Raises KeyboardInterrupt where Ctrl-C may: at the n-th entry of a function, or after a call of a built-in one."""

    def __init__(self, number):
        self.left = number

    def __enter__(self):
        sys.setprofile(self._look)
        return self

    def __exit__(self, *_):
        sys.setprofile(None)

    def _look(self, frame, event, _argument):
        if event in {"call", "c_return"} and frame.f_code.co_filename.startswith(PACKAGE) and not _is_log_call(frame):
            self.left -= 1
            if self.left == 0:
                sys.setprofile(None)
                raise KeyboardInterrupt


def _is_log_call(frame):
    while frame is not None and not frame.f_code.co_filename.startswith(LOGGING):
        frame = frame.f_back
    return frame is not None


def interrupted(call, number):
    """Return whether the call came to so many places, and was interrupted there."""
    try:
        with InterruptedAt(number):
            call()
    except KeyboardInterrupt:
        return True
    return False


def places_in(call_for, most=400):
    """Interrupt a call at each of its places in turn, each time a fresh one; yields what `call_for` returned beside."""
    for number in range(1, most):
        call, rest = call_for()
        was_interrupted = interrupted(call, number)
        yield rest
        if not was_interrupted:
            return
    pytest.fail(f"more than {most} places")
