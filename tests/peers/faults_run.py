"""Run one client through one trouble."""

import time
from typing import NamedTuple

from faults_client import SYMBOL
from faults_judge import BOOK, Sighting, Verdict, Watch, calm_since, sighting, true_book, verdict
from faults_program import Ending, Log, Program
from faults_stage import Stage
from peer_client import LEVELS

CALM = 3.0
"""Seconds of nothing but right books before the trouble."""
CALM_PATIENCE = 10.0
MOST_EXAMPLES = 3
MOST_STARTS = 6
"""A client that begins with a wrong book is started anew, so that what it shows afterwards is the trouble's doing."""


class Run(NamedTuple):
    """All of one client in one trouble.

    Attributes:
        starts: of the client, until it had nothing but right books for long enough.
        calm: whether it had them.
        watch: when it was watched.
        sightings: what its callback got, from its start.
        examples: the first wrong books, each with the true bids and asks, `None` for an id that no event has.
        verdict: on all of them.
        ending: how it stopped.
        log: what it logged.
        strikes: how often each kind of fault struck.
    """

    starts: int
    calm: bool
    watch: Watch
    sightings: list[Sighting]
    examples: list[tuple]
    verdict: Verdict
    ending: Ending
    log: Log
    strikes: dict[str, int]


class Watcher:
    """Collects and judges what a program's callback gets."""

    def __init__(self, stage, program):
        self._stage = stage
        self._program = program
        self.sightings = []

    def book_at(self, update_id):
        return self._stage.exchange.book_at(SYMBOL, update_id, levels=LEVELS)

    def look(self, seconds, calm=None):
        """Watch for some time, or till there has been calm for that long; tell whether there was."""
        until = time.monotonic() + seconds
        while (line := self._program.line(until)) is not None:
            found = sighting(line, self.book_at, self._stage.feed.times)
            if found is None:
                continue
            self.sightings.append(found)
            since = calm_since(self.sightings)
            if calm is not None and since is not None and found.t - since >= calm:
                return True
        return False


def run(case, file, python, *, seconds=None, calm=CALM, lagging=True):
    """Let a client follow, get it into trouble, watch it, and stop it.

    Args:
        case: the trouble.
        file: of the client program.
        python: the interpreter that has the client.
        seconds: to watch, instead of the case's.
        calm: seconds of nothing but right books before.
        lagging: whether the exchange's snapshots may be a little behind its stream, as the real one's are.
    """
    seconds = case.seconds if seconds is None else seconds
    for starts in range(1, MOST_STARTS + 1):
        result = _attempt(case, file, python, starts, seconds, calm, lagging)
        if result is not None:
            break
    return result


def _attempt(case, file, python, starts, seconds, calm, lagging):
    """Run once; `None` for a client that began with wrong books and may be started again."""
    with Stage(lagging=lagging) as stage, Program(file, python, stage.exchange.port) as program:
        watcher = Watcher(stage, program)
        was_calm = watcher.look(CALM_PATIENCE, calm)
        if not was_calm and starts < MOST_STARTS:
            return None
        begun = time.time()
        last_id = trouble(case, stage, program)
        watcher.look(begun + seconds - time.time())
        ending, log = program.stop(), program.log()
    watch = Watch(begun, begun + seconds, last_id)
    sightings, book_at = watcher.sightings, watcher.book_at
    wrong = [each for each in sightings if each.kind == BOOK and not each.right]
    examples = [(each, true_book(book_at, each.update_id)) for each in wrong[:MOST_EXAMPLES]]
    result = verdict(sightings, watch, book_at, stage.feed.times)
    return Run(starts, was_calm, watch, sightings, examples, result, ending, log, stage.exchange.strikes())


def trouble(case, stage, program):
    """Do what the case says; return the last update id that is older than the trouble, or struck by it."""
    if case.gone:
        return stage.disappear(case.gone)
    if case.order:
        program.order(case.order)
    stage.inject(case.faults)
    return stage.feed.last_id
