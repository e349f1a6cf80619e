"""The worker actor: one worker process. If the process dies, so does the actor.

The supervisor replaces it like any actor. Requests that wait for an answer get an error at once.
"""

from __future__ import annotations

import logging
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, Any, Final

import pykka

from depthactors import reporting
from depthactors.actors.base import EngineActor
from depthactors.actors.questions import Status
from depthactors.dispatcher.current import about_to_wait
from depthactors.dispatcher.guarded import Guarded
from depthactors.dispatcher.mailbox import tell
from depthactors.errors import (
    BusyError,
    LifecycleError,
    LineError,
    UsageError,
    WorkerDiedError,
    WorkerStartError,
    WorkerVersionError,
)
from depthactors.shards.messages import (
    Alive,
    AllowanceCall,
    Answer,
    Begin,
    BookChanged,
    BookRefused,
    BooksUpdated,
    ErrorReport,
    LeftOut,
    LogReport,
    NoticeReport,
)
from depthactors.shards.orders import Ask, Send
from depthactors.shards.signs_of_life import SignsOfLife
from depthactors.status import WorkerStatus

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from depthactors.markets import Market
    from depthactors.net.allowance import Allowing
    from depthactors.net.settings import NetworkSettings
    from depthactors.recording import RecordTo
    from depthactors.shards.orders import TakesAnswer
    from depthactors.shards.process import Process
    from depthactors.shards.routes import Routes

logger = reporting.logger(__name__)

_END_TIMEOUT: Final = 3.0
"""Seconds for a process to end by itself after the order to stop."""
_SHARE: Final = 0.8
"""Share of what is left of an engine's stop that a process has for that."""


@dataclass(frozen=True, slots=True)
class LookAtProcess:
    """A timer: check whether the process gives signs of life."""


@dataclass(frozen=True, slots=True)
class ChannelEnded:
    """The process is gone, or its messages cannot be read."""

    error: LineError | WorkerVersionError


class WorkerActor(EngineActor):
    """Keeps one process.

    Thread: the dispatcher's for messages, and the process's for what it sends. While the process starts and ends,
    others have the run queue.

    Attributes:
        cpu: processor time of the process so far, in seconds.
        pid: the number of the process, `None` before it was started.
        left_out: number of messages that the process did not send because this one had not read the earlier ones.
        refused: number of questions that the process refused because too many orders waited in it.
    """

    def __init__(
        self,
        name: str,
        supervisor: pykka.ActorRef[Any],
        *,
        settings: NetworkSettings,
        folder: Path,
        routes: Routes,
        new_process: Callable[[str], Process],
        allowance_of: Callable[[Market], Allowing],
        record: RecordTo | None = None,
        restarts: int = 0,
    ) -> None:
        """Start nothing yet.

        Args:
            name: the worker's name.
            supervisor: the supervisor.
            settings: the process's way to the exchange.
            folder: the folder of the slots.
            routes: the way of the process's reports to the books' actors.
            new_process: a function that starts a process; it takes the worker's name.
            allowance_of: a function that returns what may be spent in a market's weight pool.
            record: where the process records its books; `None` for nowhere.
            restarts: number of times that the process was replaced.
        """
        super().__init__(name, supervisor)
        self._timing = settings.timing
        level = logging.getLogger("depthactors").getEffectiveLevel()
        self._begin = Begin(name, settings, str(folder), level, record)
        self._routes = routes
        self._restarts = restarts
        self._new_process = new_process
        self._allowance_of = allowance_of
        self._process: Process | None = None
        self._request_ids = count(1)
        self._asked: Guarded[dict[int, TakesAnswer]] = Guarded({})
        self._signs = SignsOfLife(self._timing, self.mailbox.now())
        # Whether the program was told that the process is late to begin.
        self._is_late = False
        self.cpu = 0.0
        self.left_out = self.refused = 0
        self.pid: int | None = None

    def begin(self) -> None:
        """Start the process, and have its messages received.

        Raises:
            WorkerStartError: the process could not be started.
        """
        about_to_wait()
        try:
            self._process = process = self._new_process(self.name)
            self.pid = process.pid
            self._signs = SignsOfLife(self._timing, self.mailbox.now())
            self.mailbox.helpers = (process.start(self._receive, self._note_end),)
        except Exception as error:
            msg = f"{self.name} could not be started: {reporting.cause_of(error)}"
            raise WorkerStartError(msg) from error
        self._send(self._begin)
        self.mailbox.after(self._timing.worker_look, LookAtProcess())

    def handle(self, message: Any) -> Any:
        """Send, ask, and check whether the process is alive."""
        match message:
            case Send(sent):
                return self._send(sent)
            case Ask(new_request, future):
                return self._ask(new_request, future)
            case ChannelEnded(error):
                raise self._death(str(error)) if isinstance(error, LineError) else self._death_by_version(error)
            case LookAtProcess():
                return self._look()
            case Status():
                return WorkerStatus(self.name, self.pid, self.cpu, self._restarts, self.left_out, self.refused)
        msg = f"expected a message for a worker, was {type(message).__name__}"
        raise UsageError(msg)

    def release(self, error: BaseException | None) -> None:
        """Stop the process; on return it writes to no slot any more."""
        process = self._process
        if process is not None:
            # Without a thread for them the others wait: a process that went on would keep its slots and its channel.
            with suppress(LifecycleError):
                about_to_wait()
            if error is not None or not self._signs.is_heard:
                # A process that is still being loaded keeps no book, and would notice the end of the channel late.
                process.abort()
            elif not process.stop(self._end_timeout()):
                logger.warning("! %s (process %d) was killed: it did not end by itself", self.name, process.pid)
            for helper in self.mailbox.helpers:
                helper.join(1.0)
            process.close()
        gone = pykka.ActorDeadError(f"{self.name} ended")
        with self._asked as asked:
            unanswered = tuple(asked.values())
            asked.clear()
        for future in unanswered:
            future.set_exception((type(gone), gone, None))

    def _end_timeout(self) -> float:
        # Killed in time: nobody is there to do it after the stop of an engine, at the end of the interpreter.
        return min(_END_TIMEOUT, _SHARE * max(0.0, self.dispatcher.ends_by - self.mailbox.now()))

    def refuse(self, message: Any, error: pykka.ActorDeadError) -> None:
        """Answer a request that came too late to be sent."""
        if isinstance(message, Ask):
            message.refuse(error)

    def _ask(self, new_request: Any, future: TakesAnswer) -> None:
        request_id = next(self._request_ids)
        with self._asked as asked:
            asked[request_id] = future
        try:
            self._send(new_request(request_id))
        except Exception as error:  # noqa: BLE001 - a message that cannot be pickled is the asker's error
            with self._asked as asked:
                asked.pop(request_id, None)
            future.set_exception((type(error), error, None))

    def _send(self, message: Any) -> None:
        assert self._process is not None, "begin has started it"
        self._process.send(message)

    def _look(self) -> None:
        silence = self._signs.fatal_silence(self.mailbox.now())
        if silence is not None:
            words = f"it gave no sign of life for {silence:.1f} s"
            raise self._death(words)
        if not self._is_late and (late := self._signs.late_start(self.mailbox.now())) is not None:
            self._is_late = True
            words = "%s (process %d) does not work yet after %.0f s, so its books have no data"
            logger.notice(("worker start", self.name), words, self.name, self.pid, late)
        self.mailbox.after(self._timing.worker_look, LookAtProcess())

    def _death(self, why: str) -> WorkerDiedError:
        process = self._process
        assert process is not None, "begin has started it"
        process.abort()
        status = process.status
        how = f"signal {-status}" if status is not None and status < 0 else f"status {status}"
        return WorkerDiedError(f"{self.name} (process {process.pid}, {how}): {why}")

    def _death_by_version(self, error: WorkerVersionError) -> WorkerVersionError:
        assert self._process is not None, "begin has started it"
        self._process.abort()
        return WorkerVersionError(f"{self.name} (process {self._process.pid}): {error}")

    # The receiving thread.

    def _receive(self, message: Any) -> None:
        self._signs.begin_message(self.mailbox.now())
        self._take_report(message)
        self._signs.end_message()

    def _note_end(self, error: BaseException) -> None:
        if not isinstance(error, LineError | WorkerVersionError):
            # A bug, or lack of memory: as nothing is received any more, the process is of no use.
            logger.error("! %s: a message could not be handled", self.name, exc_info=error)
            words = f"its message could not be handled: {type(error).__name__}: {reporting.words_of(error)}"
            error = LineError(words)
        tell(self.actor_ref, ChannelEnded(error))

    def _take_report(self, message: Any) -> None:  # noqa: C901 - the list of messages, a line each
        match message:
            case BooksUpdated(book_ids):
                self._routes.updated(book_ids)
            case Answer():
                self._answered(message)
            case BookChanged():
                self._routes.changed(message)
            case LeftOut(count):
                self.left_out = count
                logger.warning("! %s has left out %d messages by now: they could not be sent", self.name, count)
            case BookRefused():
                self._routes.refused(message)
            case Alive(cpu):
                # No other message counts: books send updates without a supervisor too.
                if not self._signs.is_heard:
                    # Perhaps a predecessor was late, and was killed.
                    logger.over(("worker start", self.name), "%s works", self.name)
                self._signs.note(self.mailbox.now())
                self.cpu = cpu
            case AllowanceCall(request_id, market, method, arguments):
                value = getattr(self._allowance_of(market), method)(*arguments)
                if request_id:
                    self._send(Answer(request_id, value))
            case ErrorReport(error):
                self._routes.failed(error)
            case NoticeReport(cause, words, level, is_over, traceback):
                logger.relay_notice(cause, words, level, is_over=is_over, traceback=traceback)
            case LogReport(record):
                reporting.relay(record)

    def _answered(self, answer: Answer) -> None:
        with self._asked as asked:
            future = asked.pop(answer.request_id, None)
        error = answer.error
        if future is None:
            logger.debug("= %s answered a request that is not waited for any more", self.name)
        elif error is None:
            future.set(answer.value)
        else:
            self.refused += isinstance(error, BusyError)
            future.set_exception((type(error), error, None))
