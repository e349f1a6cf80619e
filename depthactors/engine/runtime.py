"""The life of one engine's threads: from the supervisor's start to the end of the last one, in one process."""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
from itertools import count
from typing import TYPE_CHECKING, Any, Final

import pykka

from depthactors import reporting
from depthactors.actors.green_threads import check_green_threads
from depthactors.actors.mailbox import mailbox_of, tell
from depthactors.actors.notifier import Notifier
from depthactors.actors.publisher import FolderPublisher
from depthactors.actors.supervisor import Supervisor
from depthactors.actors.supervisor_messages import CloseBook, OpenBooks, Shutdown, Withdraw
from depthactors.actors.threads import is_engine_thread, is_running
from depthactors.actors.watch import Watch, stop_children
from depthactors.engine.lifecycle import PATIENCE, Latch, join, running
from depthactors.errors import LifecycleError, SharingError
from depthactors.shards.supervisor import ShardSupervisor
from depthactors.sharing import EngineFolder

if TYPE_CHECKING:
    from collections.abc import Callable

    from depthactors.actors.book_spec import BookSpec
    from depthactors.actors.cell import BookCell, Lease
    from depthactors.actors.publisher import Publisher
    from depthactors.engine.lifecycle import Running
    from depthactors.errors import DepthActorsError, EscalatedError
    from depthactors.net.settings import NetworkSettings

logger = reporting.logger(__name__)

_nameless = count(1)
STOP_TIMEOUT: Final = 10.0
"""Seconds that stopping may take when nobody says otherwise."""
_FLUSH_TIMEOUT: Final = 1.0
"""Seconds of those for log handlers to take what was said: one may never return."""
_FLUSH_LEAST: Final = 0.1
"""Seconds for that if no time is left: it takes milliseconds, unless a handler is stuck."""
_SHUTDOWN_TIMEOUT: Final = 2.0
"""Seconds of those for the supervisor to stop its children; then they are stopped without it."""


class Runtime:
    """Starts a supervisor, asks it, and ends it with all its children. Any thread, signal handlers too.

    Attributes:
        notifier: calls users about what belongs to no book's thread; it outlives the supervisor.
    """

    def __init__(
        self,
        settings: NetworkSettings,
        on_error: Callable[[DepthActorsError], None] | None,
        owner: Running,
        *,
        name: str | None = None,
        processes: int | None = None,
        sharing: Publisher | None = None,
    ) -> None:
        """Start nothing yet.

        Args:
            settings: the supervisor's.
            on_error: called, in the notifier's thread, with each error that belongs to no book.
            owner: what is stopped when the interpreter ends, and detached in a fork.
            name: the one by which other processes may read the books; `None` for books that they cannot.
            processes: number of workers that keep the books; `None` for this process.
            sharing: where the books are shared, in a worker.

        Raises:
            UsageError: a name that cannot be one.
        """
        self.settings = settings
        self.notifier = Notifier(on_error)
        self._owner = owner
        self._sharing = sharing
        self._processes = processes
        self._folder: EngineFolder | None = None
        if name is not None or processes is not None:
            self._folder = EngineFolder(name if name is not None else f"process-{os.getpid()}-{next(_nameless)}")
        self._supervisor: pykka.ActorRef[Any] | None = None
        self._watch: Watch | None = None
        self._death: EscalatedError | None = None
        self._pid: int | None = None
        self._stopped = False
        self._stopper: int | None = None
        self._ended = Latch()
        # Reentrant: a signal handler may come while its thread is in `start`.
        self._starting = threading.RLock()
        self._is_starting = False

    @property
    def running(self) -> bool:
        """Whether it was started, and neither stopped nor dead; not in a fork, where its threads do not exist."""
        supervisor = self._supervisor
        if supervisor is None or self._stopped or self.is_fork:
            return False
        return is_running(supervisor)

    @property
    def alive(self) -> bool:
        """Whether the supervisor was started, was not stopped, and has not died."""
        supervisor = self._supervisor
        return supervisor is not None and not self._stopped and supervisor.is_alive()

    @property
    def is_fork(self) -> bool:
        """Whether this is a fork of the process that started it."""
        return self._pid is not None and self._pid != os.getpid()

    @property
    def fork_words(self) -> str:
        """What to say in a fork."""
        return (
            f"this engine was started in process {self._pid} and this is its fork {os.getpid()}, where its "
            "threads do not exist; start the engine after the fork, in each worker"
        )

    def check_process(self) -> None:
        """Refuse to go on in a fork.

        Raises:
            LifecycleError: this is a fork of the process that started the engine; its threads do not exist here.
        """
        if self.is_fork:
            raise LifecycleError(self.fork_words)

    def check_thread(self) -> None:
        """Refuse to ask the supervisor in its own thread, as a handler of its log records might.

        Raises:
            LifecycleError: this is the supervisor's thread, and would wait for itself.
        """
        supervisor = self._supervisor
        if supervisor is not None and mailbox_of(supervisor).thread is threading.current_thread():
            msg = "this is the supervisor's own thread, which cannot ask the engine; do it in another thread"
            raise LifecycleError(msg)

    def start(self) -> None:
        """Start the supervisor; harmless when it runs.

        Raises:
            LifecycleError: it was stopped, this is a fork of the process that started it, or the system has
                no thread to give.
            SharingError: a running engine has its name, or memory cannot be shared.
        """
        self.check_process()
        check_green_threads()
        _check_lock()
        is_new = False
        with self._starting:
            if self._supervisor is None and not self._stopped:
                if self._is_starting:
                    # A second one would have the name, and the locks that the first holds at the moment.
                    msg = "the engine is just being started, by what this signal handler interrupts"
                    raise LifecycleError(msg)
                self._is_starting = True
                self._pid = os.getpid()
                # Before anything is held that a fork would hold too.
                running.add(self._owner)
                try:
                    self._supervisor = self._start_supervisor()
                    is_new = True
                except BaseException as error:
                    running.discard(self._owner)
                    # What a stop in the middle makes fail is no news, but Ctrl-C is.
                    if not (self._stopped and isinstance(error, SharingError)):
                        raise
                finally:
                    self._is_starting = False
        if self._stopped:
            if is_new:
                # By a signal handler or another thread, in the middle of the start: perhaps it saw nothing to end.
                self._end(STOP_TIMEOUT)
            msg = "the engine was stopped; make a new one"
            raise LifecycleError(msg)

    def _start_supervisor(self) -> pykka.ActorRef[Any]:
        folder = self._folder
        if folder is not None:
            folder.open()
        try:
            supervisor = self._new_supervisor(folder)
            try:
                self._watch = Watch(supervisor, lambda: not self._stopped, self._supervisor_died)
            except BaseException:
                supervisor.stop(block=False)
                raise
        except BaseException:
            if folder is not None:
                folder.close()
            raise
        return supervisor

    def _new_supervisor(self, folder: EngineFolder | None) -> pykka.ActorRef[Any]:
        if folder is None:
            return Supervisor.start(self.settings, self.notifier, self._sharing)
        if self._processes is not None:
            return ShardSupervisor.start(self.settings, self.notifier, folder, self._processes)
        return Supervisor.start(self.settings, self.notifier, FolderPublisher(folder))

    def detach(self) -> None:
        """Let go in a fork of what is its parent's."""
        if self._folder is not None:
            self._folder.detach()

    def ask(self, message: Any) -> Any:
        """Ask the supervisor, which is started if need be.

        Raises:
            LifecycleError: it was stopped, has died, does not answer, or would have to answer itself.
        """
        return self._answer(self._prepared(), message, pykka.ThreadingFuture())

    def open(self, specs: tuple[BookSpec, ...]) -> tuple[BookCell, ...]:
        """Have books followed; errors as of `ask`. If this fails, or is interrupted by Ctrl-C, none is."""
        supervisor, future = self._prepared(), pykka.ThreadingFuture[Any]()
        try:
            timing = self.settings.timing
            timeout = timing.call_deadline + timing.opening_time * len(specs)
            cells: tuple[BookCell, ...] = self._answer(supervisor, OpenBooks(specs), future, timeout)
        except BaseException:
            # Handled behind the other: what that has opened by then is closed.
            tell(supervisor, Withdraw(future))
            raise
        return cells

    def close(self, cell: BookCell, lease: Lease, timeout: float) -> tuple[threading.Thread, ...]:
        """Let go of a book; returns the threads that end with it. Where nobody may wait, the answer is not awaited.

        Raises:
            LifecycleError: as of `ask`.
        """
        supervisor, future = self._prepared(), pykka.ThreadingFuture[Any]()
        mailbox_of(supervisor).ask(CloseBook(cell, lease), future)
        if timeout <= 0:
            return ()
        try:
            threads: tuple[threading.Thread, ...] = future.get(timeout=timeout)
        except (pykka.Timeout, pykka.ActorDeadError) as error:
            logger.warning("! %s: whether it has ended is not known: %s", cell.spec.symbol, error)
            return ()
        return threads

    def _prepared(self) -> pykka.ActorRef[Any]:
        """Return the supervisor, which is started if need be and may be asked in this thread."""
        self.start()
        supervisor = self._supervisor
        if supervisor is None:
            msg = "the engine was stopped"
            raise LifecycleError(msg)
        self.check_thread()
        if not is_running(supervisor):
            raise LifecycleError(self._dead_words)
        return supervisor

    def _answer(
        self,
        supervisor: pykka.ActorRef[Any],
        message: Any,
        future: pykka.Future[Any],
        timeout: float | None = None,
    ) -> Any:
        if timeout is None:
            timeout = self.settings.timing.call_deadline
        # The future is the caller's, who keeps it however this ends; a dead actor's mailbox answers at once.
        mailbox_of(supervisor).ask(message, future)
        try:
            return future.get(timeout=timeout)
        except pykka.Timeout:
            msg = f"the engine's supervisor did not answer in {timeout:g} s"
            raise LifecycleError(msg) from None
        except pykka.ActorDeadError:
            raise LifecycleError(self._dead_words) from None

    @property
    def _dead_words(self) -> str:
        why = "the engine's supervisor has died" if self._death is None else str(self._death)
        return f"{why}; make a new engine"

    def _supervisor_died(self, error: EscalatedError) -> None:
        """Give notice, and let those pass who wait for the end; the thread that watches the supervisor."""
        self._death = error
        if self._sharing is None:
            words = "the engine has ended, every book of it is given up, and a new one has to be made: %s"
            logger.notice(("supervisor", id(self)), words, error, level=logging.ERROR)
        else:
            logger.error("! the worker ends, to be replaced: %s", error)
        self._ended.set()

    def wait_stopped(self, timeout: float | None) -> bool:
        """Wait until `stop` has done its work, in whatever thread; returns whether it has, as a fork always does."""
        if self.is_fork:
            return True
        if is_engine_thread(threading.current_thread()) and not self._ended.wait(0.0):
            msg = "expected to wait for the end of the engine outside its callbacks, which have to end first"
            raise LifecycleError(msg)
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            left = 1.0 if deadline is None else min(1.0, deadline - time.monotonic())
            # In slices, so that Ctrl-C is noticed on every system.
            if self._ended.wait(max(0.0, left)):
                return True
            if deadline is not None and time.monotonic() >= deadline:
                return False

    def stop(self, timeout: float) -> None:
        """End every thread within `timeout` seconds; those that do not end are named in the log.

        One that Ctrl-C has interrupted may be called again.
        """
        self._stopped = True
        if self.is_fork:
            # The threads are the parent's and do not exist here.
            self._ended.set()
        elif self._stopper is None:
            try:
                self._stopper = threading.get_ident()
                self._end(timeout)
            finally:
                self._stopper = None
        elif self._stopper != threading.get_ident() and not is_engine_thread(threading.current_thread()):
            # Somebody else is at it. Its own threads, and a handler within that call, must not wait for it.
            self._ended.wait(timeout)

    def _end(self, timeout: float) -> None:
        """Stop everything and wait for it, unless that is done."""
        deadline = time.monotonic() + timeout
        ref = self._supervisor
        if ref is None and self._ended.wait(0.0):
            return
        if ref is not None and mailbox_of(ref).thread is threading.current_thread():
            # From a handler of its log records: it cannot wait for itself, but takes its children along as it ends.
            ref.stop(block=False)
            self.notifier.close()
        elif ref is not None:
            left = _stop_children(ref, deadline)
            if self._watch is not None:
                left += join([self._watch.thread], deadline)
            left += _stop_notifier(self.notifier, deadline)
            if left:
                logger.warning("! still running after the time given: %s", ", ".join(thread.name for thread in left))
        if self._folder is not None:
            # Last: until here the books could say that they are over.
            self._folder.close()
        reporting.flush(min(_FLUSH_TIMEOUT, max(_FLUSH_LEAST, deadline - time.monotonic())))
        # Not sooner: who is interrupted before may try again, or the interpreter's end does.
        if self._supervisor is ref:
            self._supervisor = None
        running.discard(self._owner)
        self._ended.set()


def _stop_children(ref: pykka.ActorRef[Any], deadline: float) -> list[threading.Thread]:
    """End the supervisor and its children; returns the threads that are alive still.

    Also those of a supervisor that is dead or does not answer: they are known outside it.
    """
    supervisor = mailbox_of(ref)
    boxes = {mailbox_of(child) for child in tuple(supervisor.children)}
    if is_running(ref):
        patience = min(_SHUTDOWN_TIMEOUT, (deadline - time.monotonic()) / 2)
        try:
            stopped: Any = ref.ask(Shutdown(), timeout=max(0.0, patience))
            boxes.update(stopped)
        except (pykka.ActorDeadError, pykka.Timeout) as error:
            logger.warning("! the supervisor did not stop its children: %s", error)
        ref.stop(block=False)
    stop_children(ref)
    ending = (*(box.thread for box in boxes if box.thread is not None), *supervisor.threads)
    left = join(ending, deadline, _patience())
    # Only now: an actor that was at a message when it was stopped may have started a helper since.
    helpers = {helper for box in boxes for helper in box.helpers} | set(supervisor.inherited)
    return left + join(helpers, deadline)


def _patience() -> float:
    """Return for how long this thread may wait for a callback that is under way: not at all in another callback."""
    return 0.0 if is_engine_thread(threading.current_thread()) else PATIENCE


def _check_lock() -> None:
    """Refuse a build without the global lock: views are taken without one of our own, which nobody has tried there.

    Raises:
        LifecycleError: says how to run with it.
    """
    is_enabled: Callable[[], bool] | None = getattr(sys, "_is_gil_enabled", None)
    if is_enabled is not None and not is_enabled():
        msg = "expected an interpreter with the global lock (GIL), was one without: run it with PYTHON_GIL=1"
        raise LifecycleError(msg)


def _stop_notifier(notifier: Notifier, deadline: float) -> list[threading.Thread]:
    """Have told what the others had to tell, in the time left; returns the thread if it is alive still."""
    notifier.close()
    thread = notifier.thread
    left = [] if thread is None else join([thread], deadline, _patience())
    # The time is over, or this is its own thread: who stops the engine in a callback wants to hear no more.
    notifier.abort()
    return left
