"""The writer of `torn`: replays a recording into shared memory, round after round. A process of its own."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from depthactors.book import BookState, OrderBook
from depthactors.pacing import USUAL
from depthactors.sharing import EngineFolder, SharedBook
from depthactors.sharing.record import pack
from tests.share.child import parent_wants_the_end, say
from tests.share.tape import LAP, load


def main(name: str, recording: str, levels: int, rate: float | None) -> None:
    """Write until the parent wants the end; `rate` in events a second, `None` for the recording's own."""
    over, tape = parent_wants_the_end(), load(Path(recording))
    folder = EngineFolder(name)
    folder.open()
    try:
        place, slot = folder.new_book(levels)
        row = SharedBook(tape.symbol, "recorded", 0, levels), place
        lap = written = 0
        next_beat = 0.0
        while not over.is_set():
            book = OrderBook(tape.symbol, tape.snapshot, depth=levels)
            begun, first = time.monotonic(), tape.events[0][0]
            for number, (recv_time, diff) in enumerate(tape.events):
                now = time.monotonic()
                due = begun + (recv_time - first if rate is None else number / rate if rate else 0.0)
                while due > now and not over.is_set():
                    over.wait(min(due - now, USUAL.beat))
                    now = time.monotonic()
                    if now >= next_beat:
                        folder.beat(now)
                        next_beat = now + USUAL.beat
                if now >= next_beat:
                    folder.beat(now)
                    next_beat = now + USUAL.beat
                if over.is_set():
                    break
                book.apply(diff, recv_time)
                book.last_update_id += lap * LAP
                slot.write(pack(book, levels, BookState.LIVE, float))
                written += 1
                if written == 1:
                    folder.list_books([row])
                    say("ready")
            lap += 1
        say({"written": written, "laps": lap})
    finally:
        folder.close()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), None if sys.argv[4] == "None" else float(sys.argv[4]))
