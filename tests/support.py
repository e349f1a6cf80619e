"""What the tests of all folders share: waiting with a deadline, recorders, levels, digests, and Ctrl-C anywhere.

Programs of tests use it too: what needs pytest, whose import takes longer than all of such a program, imports it.
"""

from __future__ import annotations

import gzip
import inspect
import sys
import threading
import time
import tracemalloc
from functools import wraps
from hashlib import sha256
from itertools import chain
from pathlib import Path

import depthactors

PATIENCE = 20.0
"""Seconds within which what should happen does, on a busy machine too."""

_LOOK_EVERY = 0.005
_PACKAGE = str(Path(depthactors.__file__).parent)
_REPORTING = str(Path(_PACKAGE, "reporting"))


def until(condition, timeout=PATIENCE):
    """Wait until a condition holds, and return what it gave; fail if it does not within the timeout."""
    found = comes_true(condition, timeout)
    assert found, f"waited {timeout} s in vain"
    return found


def comes_true(condition, timeout=PATIENCE):
    """Wait until a condition holds, or the timeout is over; return what it gave last."""
    deadline = time.monotonic() + timeout
    pause = threading.Event()
    while not (found := condition()) and time.monotonic() < deadline:
        pause.wait(_LOOK_EVERY)
    return found


def peak_of(call, *arguments):
    """Call a function; return what it returns, and the most bytes that its objects had meanwhile."""
    tracemalloc.start()
    try:
        return call(*arguments), tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def write_recording(path, messages):
    """Write a recording of times of receipt and texts, as other programs' recorders do."""
    path.write_bytes(gzip.compress(b"".join(b"%d %b\n" % message for message in messages), 1))
    return path


class Recorder:
    """A callback that keeps what it is called with, in `seen`, and lets a test wait for it."""

    def __init__(self):
        self.seen = []
        self._news = threading.Condition()

    def __call__(self, item):
        with self._news:
            self.seen.append(item)
            self._news.notify_all()

    def of(self, kind=object, matches=lambda _item: True):
        """Return all items so far that are of a class and match."""
        with self._news:
            return [item for item in self.seen if isinstance(item, kind) and matches(item)]

    def wait(self, kind=object, count=1, timeout=PATIENCE, matches=lambda _item: True):
        """Wait for `count` items of a class that match; return the first `count`."""
        with self._news:
            came = self._news.wait_for(lambda: len(self.of(kind, matches)) >= count, timeout)
            assert came, f"expected {count} of {kind}, only saw {self.seen[-6:]}"
            return self.of(kind, matches)[:count]

    def wait_one(self, kind=object, **options):
        return self.wait(kind, **options)[0]

    def wait_for(self, matches, timeout=PATIENCE):
        """Wait for an item that matches; return the first."""
        return self.wait(matches=matches, timeout=timeout)[0]


def flat(pairs):
    """Return the prices and quantities of pairs in turn, as `binance` gives levels."""
    return list(chain.from_iterable(pairs))


def pairs(levels):
    """Return `(price, quantity)` of each level of a flat list."""
    return list(zip(levels[::2], levels[1::2], strict=True))


def digest_of(view, levels=20):
    """Hash a Decimal view as `replay` hashes a book."""
    lines = [
        f"{mark} {_plain(price)} {_plain(quantity)}\n"
        for mark, side in (("b", view.bids), ("a", view.asks))
        for price, quantity in side[:levels]
    ]
    return sha256("".join(lines).encode()).hexdigest()


def _plain(number):
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def complaints(errors):
    """Return what a program wrote to stderr, without the line in which it says once that it is at a local exchange."""
    first, *others = errors.splitlines(keepends=True)
    assert first.startswith("depthactors: DEPTHACTORS_EXCHANGE is set: every market is at http://127.0.0.1:"), errors
    return "".join(others)


class SetClock:
    """A clock that a test sets: `now` is the monotonic time, and the time of day is `ahead` of it."""

    def __init__(self, now=0.0, ahead=0.0):
        self.now, self.ahead = now, ahead

    def monotonic(self):
        return self.now

    def time(self):
        return self.now + self.ahead


class InterruptedAt:
    """Raises KeyboardInterrupt where Ctrl-C may: at the n-th entry of a function, or after a call of a built-in one."""

    def __init__(self, number, files=_PACKAGE):
        self.left, self.files = number, files

    def __enter__(self):
        sys.setprofile(self._look)
        return self

    def __exit__(self, *_):
        sys.setprofile(None)

    def _look(self, frame, event, _argument):
        is_place = event in {"call", "c_return"} and frame.f_code.co_filename.startswith(self.files)
        if is_place and not (self.files == _PACKAGE and _is_log_call(frame)):
            self.left -= 1
            if self.left == 0:
                sys.setprofile(None)
                raise KeyboardInterrupt


def _is_log_call(frame):
    # A test of its own has these places.
    while frame is not None and not frame.f_code.co_filename.startswith(_REPORTING):
        frame = frame.f_back
    return frame is not None


def interrupted(call, number, files=_PACKAGE):
    """Return whether the call has at least `number` places in these files, and was interrupted at the last of them."""
    try:
        with InterruptedAt(number, files):
            call()
    except KeyboardInterrupt:
        return True
    return False


def some_places(test):
    """Interrupt a call at some of its places, and at each of them in the long run."""
    import pytest  # noqa: PLC0415

    return pytest.mark.parametrize("every", [7, pytest.param(1, marks=pytest.mark.full)])(test)


def places_in(call_for, every=1, most=600, files=_PACKAGE):
    """Interrupt a call at each of its places in turn, each time a fresh one; yield what `call_for` returned beside.

    The places are those of the package, or of all files whose paths begin with one of `files`; or one of `every` few.
    """
    for number in range(1, most, every):
        call, rest = call_for()
        was_interrupted = interrupted(call, number, files)
        yield rest
        if not was_interrupted:
            return
    msg = f"more than {most} places"
    raise AssertionError(msg)


def table(names, rows, ids=None):
    """Run a test for each row of a table, in one test that lists all rows that fail.

    It is written like `pytest.mark.parametrize`; `ids` has a name for each row, where its values do not say enough.
    All rows share the test's fixtures.
    """
    import pytest  # noqa: PLC0415

    names = [name.strip() for name in names.split(",")] if isinstance(names, str) else list(names)

    def decorate(test):
        signature = inspect.signature(test)

        @wraps(test)
        def run_all(**fixtures):
            failures = []
            every = list(rows)
            assert every, "a table needs a row"
            for name, row in zip(ids or [""] * len(every), every, strict=True):
                values = dict(zip(names, row if len(names) > 1 else (row,), strict=True))
                try:
                    test(**values, **fixtures)
                except (Exception, pytest.fail.Exception) as failure:  # noqa: BLE001 - listed with the others below
                    failure.add_note(f"in the row {name} {values!r}" if name else f"in the row {values!r}")
                    failures.append(failure)
            if failures:
                msg = f"{len(failures)} of {len(every)} rows"
                raise BaseExceptionGroup(msg, failures)

        del run_all.__wrapped__
        left = [each for name, each in signature.parameters.items() if name not in names]
        run_all.__signature__ = signature.replace(parameters=left)
        return run_all

    return decorate
