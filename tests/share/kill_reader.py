"""A reader of `kill`: tells its parent what it sees, which checks it. A process of its own.

It says `["view", symbol, update id, digest]` of each live view, `["live" or "down", when]` when all books are live or
not any more, `["error", words]` of an exception that is not documented, `["turn"]` once in a while, for it gets on.
"""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

from depthactors import BookState, DepthReader
from depthactors.errors import BookNotSharedError, EngineGoneError
from tests.share.child import parent_wants_the_end, say
from tests.share.tape import digest

if TYPE_CHECKING:
    import threading

STARTING = 60.0
"""Seconds for an engine to come."""
TURN = 0.5
"""Seconds between two words that it gets on."""
WAIT = 0.02


def main(name: str, depth: int, symbols: list[str]) -> None:
    """Read all books, one after the other, until the parent wants the end or is gone."""
    over = parent_wants_the_end()
    reader = _attached(name, over)
    if reader is None:
        return
    last = dict.fromkeys(symbols)
    was_live, next_turn = False, 0.0
    with reader:
        while not over.is_set():
            is_live = True
            for symbol in symbols:
                try:
                    view = reader.wait(symbol, after=last[symbol], timeout=WAIT)
                except (BookNotSharedError, EngineGoneError):
                    is_live = False
                    continue
                except Exception as error:  # noqa: BLE001 - whatever it is, the parent is to know
                    say(["error", f"{type(error).__name__}: {error}"])
                    is_live = False
                    continue
                is_live = is_live and view.state is BookState.LIVE
                before, last[symbol] = last[symbol], view
                if view.state is BookState.LIVE and (before is None or before.last_update_id != view.last_update_id):
                    say(["view", symbol, view.last_update_id, digest(view.bids, view.asks), len(view.bids)])
            now = time.monotonic()
            if is_live is not was_live:
                say(["live" if is_live else "down", now])
                was_live = is_live
            if now >= next_turn:
                say(["turn"])
                next_turn = now + TURN


def _attached(name: str, over: threading.Event) -> DepthReader[float] | None:
    """Attach as soon as the engine runs; None if the parent wants the end before."""
    deadline = time.monotonic() + STARTING
    while not over.is_set():
        try:
            return DepthReader.wait_for_engine(name, TURN)
        except EngineGoneError:
            if time.monotonic() >= deadline:
                raise
    return None


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3:])
