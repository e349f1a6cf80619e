"""Words about a start, and about what holds it up."""

from dataclasses import replace

from depthactors.book import BookState
from depthactors.cli.progress import progress, trouble
from depthactors.status import BookStatus, EngineStatus, PoolStatus, SocketStatus
from depthactors.sync import Counters
from tests.support import table

POOL = PoolStatus("spot", 0, 0, 0.0, 0, 6000, 0, 0.0, 0, 0, 0, 0)
SOCKET = SocketStatus("spot-1", "spot", True, 1, 1, 1.0, 1, 0, 0, 0, 0, 0, None)
LOST = replace(SOCKET, connected=False, error="the peer ended the connection")


def books(*states):
    return tuple(
        BookStatus(
            symbol=f"S{number}USDT", market="spot", speed_ms=100, state=state, error=None, last_update_id=1, depth=5,
            age=0.0, restarts=0, counters=Counters(),
        )
        for number, state in enumerate(states)
    )  # fmt: skip


LIVE, SYNCING, FAILED = BookState.LIVE, BookState.SYNCING, BookState.FAILED


@table(
    ("states", "estimate", "words"),
    [
        ([LIVE] * 12 + [SYNCING] * 88, 39.2, ["12 of 100 books live, about 40 s left"]),
        ([LIVE, SYNCING], 0.0, ["1 of 2 books live"]),
        ([LIVE, FAILED], 0.0, []),
        ([LIVE, LIVE], 5.0, []),
        ([], 0.0, []),
    ],
)
def test_a_start_has_a_number_and_an_estimate_until_it_is_over(states, estimate, words):
    assert progress(EngineStatus(books(*states), (), (replace(POOL, estimate=estimate),))) == words


@table(
    ("sockets", "silent", "words"),
    [
        ([SOCKET], 0.0, []),
        ([replace(SOCKET, connected=False)], 0.0, []),
        ([replace(LOST, retry_in=2.3)], 0.0, ["connection lost, next try in 3 s"]),
        ([LOST], 0.0, ["connection lost, connecting"]),
        ([SOCKET, replace(LOST, retry_in=1.0)], 0.0, ["1 of 2 connections lost, next try in 1 s"]),
        ([SOCKET], 11.5, ["requests are refused for 12 s more"]),
    ],
)
def test_what_is_wrong_is_told_in_few_words(sockets, silent, words):
    assert trouble(EngineStatus((), tuple(sockets), (replace(POOL, silent_for=silent),))) == words
