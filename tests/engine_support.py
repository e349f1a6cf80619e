"""What the engine's tests share: digests of views, and waiting without sleeping."""

from __future__ import annotations

import threading
import time
from decimal import Decimal
from hashlib import sha256


def digest_of(view, levels=20):
    """Hash a Decimal view as `replay` hashes a book."""
    lines = [
        f"{mark} {plain(price)} {plain(quantity)}\n"
        for mark, side in (("b", view.bids), ("a", view.asks))
        for price, quantity in side[:levels]
    ]
    return sha256("".join(lines).encode()).hexdigest()


def plain(number: Decimal) -> str:
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def complaints(errors):
    """Return what a program wrote to stderr, without the line in which it says once that it is at a local exchange."""
    first, *others = errors.splitlines(keepends=True)
    assert first.startswith("depthactors: DEPTHACTORS_EXCHANGE is set: every market is at http://127.0.0.1:"), errors
    return "".join(others)


class Recorder:
    """Callbacks that keep what they are given and let a test wait for it."""

    def __init__(self):
        self.seen = []
        self._news = threading.Condition()

    def __call__(self, item):
        with self._news:
            self.seen.append(item)
            self._news.notify_all()

    def wait_for(self, matches, timeout=10.0):
        """Return the first item that matches, waiting for it if need be."""
        with self._news:
            assert self._news.wait_for(lambda: any(map(matches, self.seen)), timeout), f"only saw {self.seen[-5:]}"
            return next(filter(matches, self.seen))


def wait_until(updates: Recorder, condition, timeout=20.0):
    """Wait until `condition` holds, looking after each update; returns whether it does."""
    deadline = time.monotonic() + timeout
    # Not looked at with the lock held: what it asks may be at an update, which waits for the lock.
    while not condition():
        left = deadline - time.monotonic()
        if left <= 0:
            return False
        with updates._news:
            updates._news.wait(min(left, 0.2))
    return True
