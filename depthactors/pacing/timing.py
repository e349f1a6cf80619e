"""The durations that the actors work by, in one value.

A program uses the defaults. A test takes shorter ones, so that it waits for events and not for the time to pass.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from depthactors.pacing.rates import Backoff


@dataclass(frozen=True, slots=True)
class Timing:
    """Durations in seconds, and waits between tries. No clock.

    Attributes:
        opening_deadline: time for all steps of making a connection together, however a peer stretches them.
        answer_deadline: time for the exchange to answer a control message.
        refusal_backoff: waits of one stream that is refused repeatedly: a request costs a control message, no weight.
        overlap: time beyond the slowest stream's interval for which a connection and its successor both bring updates.
        leaving: time without a byte after which a connection that was handed over, and that the exchange does not end,
            is ended by force.
        reader_look: time between two looks at the reader threads.
        host_backoff: waits between requests to a REST host that fails: its recovery is noticed in some ten seconds.
        lost_after: time after its connection was cut until a REST request is given up.
        snapshot_backoff: waits of a book whose snapshots are of no use.
        short_backoff: waits of a book whose snapshots have fewer levels than were requested, perhaps for ever.
        snapshot_pause: time after a request in which the next one waits its back-off, unless the first was of use.
        snapshot_patience: time beyond the stream's interval to wait for the first diff before a snapshot is requested.
        snapshot_deadline: time until an unanswered request is sent again; waiting for weight may take longer.
        snapshot_life: time in which the price should not reach the end of what a snapshot vouches for.
        ahead_deadline: time for the stream to reach a snapshot that is ahead of it; the slowest stream has one update
            a second.
        quiet_limit: time without a diff after which a snapshot shows whether the book is only quiet.
        lag_limit: time that frames may wait for a book's actor until the book is called stale.
        late: time that an update may wait for a listener before a later update takes its place.
        stuck: time without a turn for a late listener, after which its program is notified.
        notice_pause: time between two notices that a listener is late; the counters count all the time.
        beat: time between two signs of life for readers in other processes.
        watch_interval: time between two looks of a supervisor at its children.
        backlog_interval: time between two looks at what waits in all books together; a reader thread brings some
            tens of megabytes in it at most.
        worker_look: time between two checks whether a worker process gives signs of life; it does so each `beat`.
        worker_silence: time without a sign of life after which a worker process counts as stuck, and is killed.
        parent_look: time between two checks of a worker process whether the engine's process is there.
        recording_pause: time between two turns of a recorder, in which it writes what came meanwhile.
        recording_retry: time after a failure until a recorder tries to write again; and time between two requests for
            the snapshot with which a file of a recording begins.
        recording_stuck: time for which the disk may take nothing, or files refuse to be opened, until the program is
            notified.
        call_deadline: time for the supervisor to answer.
        opening_time: additional time to answer for each book that is to be opened.
    """

    opening_deadline: float = 20.0
    answer_deadline: float = 10.0
    refusal_backoff: Backoff = Backoff(first=2.0, factor=2.0, cap=300.0)
    overlap: float = 1.0
    leaving: float = 3.0
    reader_look: float = 5.0
    host_backoff: Backoff = Backoff(first=1.0, factor=2.0, cap=8.0)
    lost_after: float = 5.0
    snapshot_backoff: Backoff = Backoff(first=0.5, factor=2.0, cap=8.0)
    short_backoff: Backoff = Backoff(first=0.5, factor=2.0, cap=60.0)
    snapshot_pause: float = 5.0
    snapshot_patience: float = 0.25
    snapshot_deadline: float = 60.0
    snapshot_life: float = 60.0
    ahead_deadline: float = 5.0
    quiet_limit: float = 15.0
    lag_limit: float = 5.0
    late: float = 0.25
    stuck: float = 10.0
    notice_pause: float = 60.0
    beat: float = 0.5
    watch_interval: float = 5.0
    backlog_interval: float = 1.0
    worker_look: float = 0.5
    worker_silence: float = 5.0
    parent_look: float = 1.0
    recording_pause: float = 0.25
    recording_retry: float = 5.0
    recording_stuck: float = 2.0
    call_deadline: float = 10.0
    opening_time: float = 0.1

    @classmethod
    def fast(cls) -> Timing:
        """Return the timing of tests: short back-offs, looks and overlaps.

        The deadlines after which an actor, a callback or a worker counts as too slow stay: a busy machine is slow.
        """
        quick = Backoff(first=0.02, factor=2.0, cap=0.2)
        return cls(
            refusal_backoff=quick,
            overlap=0.05,
            reader_look=0.1,
            host_backoff=quick,
            lost_after=0.5,
            snapshot_backoff=quick,
            short_backoff=quick,
            quiet_limit=1.0,
            ahead_deadline=1.0,
            beat=0.1,
            watch_interval=0.2,
            backlog_interval=0.1,
            recording_pause=0.02,
            recording_retry=0.1,
        )


USUAL: Final = Timing()
"""The timing of programs."""
