"""The life of one engine's threads: from the supervisor's start to the end of the last one, in one process."""

from __future__ import annotations

import logging
import os
import sys
import threading
from itertools import count
from typing import TYPE_CHECKING, Any, Final

import pykka

from depthactors import reporting
from depthactors.actors.green_threads import check_green_threads
from depthactors.actors.notifier import Notifier
from depthactors.actors.supervisor import Supervisor
from depthactors.actors.supervisor_messages import CloseBook, OpenBooks, Withdraw
from depthactors.actors.watch import Watch
from depthactors.dispatcher.current import current_task
from depthactors.dispatcher.future import DispatchedFuture
from depthactors.dispatcher.gate import Gate
from depthactors.dispatcher.mailbox import mailbox_of, tell
from depthactors.dispatcher.threads import is_engine_thread
from depthactors.engine.lifecycle import join, running
from depthactors.engine.machine import THIS_MACHINE
from depthactors.engine.stopping import callback_patience, stop_actors
from depthactors.errors import LifecycleError, SharingError

if TYPE_CHECKING:
    from collections.abc import Callable

    from depthactors.actors.book_spec import BookSpec
    from depthactors.actors.cell import BookCell, Lease
    from depthactors.actors.publisher import Publisher
    from depthactors.actors.recorder import Recorder
    from depthactors.dispatcher.ending import Ending
    from depthactors.engine.lifecycle import Running
    from depthactors.engine.machine import Machine
    from depthactors.errors import DepthActorsError, EscalatedError
    from depthactors.net.settings import NetworkSettings
    from depthactors.recording import RecordTo
    from depthactors.sharing import EngineFolder

logger = reporting.logger(__name__)

_nameless = count(1)
STOP_TIMEOUT: Final = 10.0
"""Seconds that stopping may take by default."""
_FLUSH_TIMEOUT: Final = 1.0
"""Seconds of `STOP_TIMEOUT` for log handlers to take the last records: a handler may never return."""
_FLUSH_LEAST: Final = 0.1
"""Seconds for log handlers if no time is left: they take milliseconds, unless one is stuck."""


class Runtime:
    """Starts a supervisor, asks it, and stops it with all its children.

    Thread: any, and signal handlers.

    Attributes:
        settings: the settings of the network.
        dispatcher: runs all actors of the engine.
        notifier: calls users' functions about what belongs to no book; it outlives the supervisor.
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
        record: RecordTo | None = None,
        machine: Machine = THIS_MACHINE,
    ) -> None:
        """Start nothing yet.

        Args:
            settings: the settings of the network.
            on_error: called, in the notifier's lane, with each error that belongs to no book.
            owner: what stops the engine or worker when the interpreter ends, and detaches it in a fork.
            name: name under which other processes find the books; `None` if the books are this process's alone.
            processes: number of workers that keep the books; `None` for this process.
            sharing: in a worker, the publisher of the books.
            record: where the books are recorded; `None` for nowhere.
            machine: the machine that the actors run on.

        Raises:
            UsageError: a name that is not allowed.
        """
        self.settings = settings
        self._on_error = on_error
        self._machine = machine
        self._network = machine.new_network(settings)
        self._record = record
        self._processes = processes
        self._renew()
        self._owner = owner
        self._sharing = sharing
        self._folder: EngineFolder | None = None
        if name is not None or processes is not None:
            from depthactors.sharing.folder import EngineFolder  # noqa: PLC0415 - as in `_supervisor_starter`

            self._folder = EngineFolder(name if name is not None else f"process-{os.getpid()}-{next(_nameless)}")
        self._new_supervisor = self._supervisor_starter()
        self._supervisor: pykka.ActorRef[Any] | None = None
        self._death: EscalatedError | None = None
        self._pid: int | None = None
        self._stopped = False
        self._stopper: int | None = None
        self._ended = Gate()
        # Reentrant: a signal handler may come while its thread is in `start`.
        self._starting = threading.RLock()
        self._is_starting = False

    def check_not_stopped(self) -> None:
        """Check that `stop` has not been called.

        Raises:
            LifecycleError: it has.
        """
        if self._stopped:
            msg = "the engine was stopped; make a new one"
            raise LifecycleError(msg)

    @property
    def running(self) -> bool:
        """Whether the supervisor runs: never in a fork, where the engine's threads do not exist."""
        supervisor = self._supervisor
        if supervisor is None or self._stopped or self.is_fork:
            return False
        return supervisor.is_alive()

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
        """The message of errors in a fork."""
        return (
            f"this engine was started in process {self._pid} and this is its fork {os.getpid()}, where its "
            "threads do not exist; start the engine after the fork, in each worker"
        )

    def check_process(self) -> None:
        """Check that this is the process that started the engine.

        Raises:
            LifecycleError: this is a fork of that process; the engine's threads do not exist here.
        """
        if self.is_fork:
            raise LifecycleError(self.fork_words)

    def check_turn(self) -> None:
        """Check that the caller is not within a turn of the supervisor, as a finalizer of the program may be.

        Raises:
            LifecycleError: it is such a turn, which would wait for its own end.
        """
        supervisor = self._supervisor
        if supervisor is not None and current_task() is mailbox_of(supervisor):
            msg = "this is the supervisor's own turn, which cannot ask the engine; do it in another thread"
            raise LifecycleError(msg)

    def start(self) -> None:
        """Start the supervisor, unless it runs.

        Raises:
            LifecycleError: the engine was stopped, this is a fork of the process that started it, or the system has
                no thread left.
            SharingError: a running engine has its name, or memory cannot be shared.
        """
        self.check_process()
        check_green_threads()
        _check_lock()
        with self._starting:
            is_new = self._start_once()
        if self._stopped and is_new:
            # A signal handler or another thread stopped the engine during the start, perhaps too early to see it.
            self._end(STOP_TIMEOUT)
        self.check_not_stopped()

    def _start_once(self) -> bool:
        """Start the supervisor if that was not done before; returns whether it was started now. The lock is held."""
        if self._supervisor is not None or self._stopped:
            return False
        if self._is_starting:
            # A second supervisor would take the name, and the locks that this thread holds at the moment.
            msg = "the engine is just being started by the code that this signal handler interrupts"
            raise LifecycleError(msg)
        self._is_starting = True
        self._pid = os.getpid()
        # Before locks and files are held, which a fork would inherit.
        running.add(self._owner)
        try:
            self._supervisor = self._start_supervisor()
        except BaseException as error:
            running.discard(self._owner)
            # A failure that a stop during the start causes is not raised; Ctrl-C is.
            if not (self._stopped and isinstance(error, SharingError)):
                raise
            return False
        finally:
            self._is_starting = False
        return True

    def _start_supervisor(self) -> pykka.ActorRef[Any]:
        folder = self._folder
        if folder is not None:
            folder.open()
        try:
            self.dispatcher.start()
            if self._recorder is not None:
                self._recorder.start()
            supervisor = self._new_supervisor()
            Watch(supervisor, lambda: not self._stopped, self._supervisor_died)
        except BaseException:
            self._close_recorder()
            self.dispatcher.close()
            self._renew()
            if folder is not None:
                folder.close()
            raise
        return supervisor

    def _renew(self) -> None:
        """Make what a start needs; a failed one has used it up."""
        self.dispatcher = self._machine.new_dispatcher()
        self.notifier = Notifier(self.dispatcher, self._on_error)
        self._recorder: Recorder | None = None
        if self._record is not None and self._processes is None:
            # With workers, they record.
            from depthactors.actors.book_writer import open_files  # noqa: PLC0415 - as in `_supervisor_starter`
            from depthactors.actors.recorder import Recorder  # noqa: PLC0415

            timing, report = self.settings.timing, self.notifier.report_error
            self._recorder = Recorder(
                self._record, self._machine.open_files or open_files, self.dispatcher, timing, report
            )

    def _supervisor_starter(self) -> Callable[[], pykka.ActorRef[Any]]:
        """Return the function that starts the supervisor.

        What only some engines need is imported here and not at the top, by the thread that makes the engine: other
        programs do not pay for it, and no thread of an engine imports anything.
        """
        folder, processes = self._folder, self._processes
        if folder is None:
            return lambda: self._new_local_supervisor(self._sharing)
        if processes is None:
            from depthactors.actors.publisher import FolderPublisher  # noqa: PLC0415

            return lambda: self._new_local_supervisor(FolderPublisher(folder, self.dispatcher))
        from depthactors.shards.process import WorkerProcess  # noqa: PLC0415
        from depthactors.shards.supervisor import ShardSupervisor  # noqa: PLC0415

        return lambda: ShardSupervisor.start(
            self.dispatcher,
            self.settings,
            self.notifier,
            self._network,
            folder,
            processes,
            self._machine.new_process or WorkerProcess,
            self._record,
        )

    def _new_local_supervisor(self, publisher: Publisher | None) -> pykka.ActorRef[Any]:
        return Supervisor.start(self.dispatcher, self.settings, self.notifier, self._network, publisher, self._recorder)

    def _close_recorder(self) -> tuple[Ending, ...]:
        """Have the files closed; returns the thread that does it."""
        if self._recorder is None:
            return ()
        self._recorder.close()
        return self._recorder.threads

    def detach(self) -> None:
        """Give up, in a fork, what belongs to its parent."""
        if self._folder is not None:
            self._folder.detach()

    def ask(self, message: Any) -> Any:
        """Ask the supervisor, and start it first if that was not done.

        Raises:
            LifecycleError: the engine was stopped, its supervisor has died or does not answer, or this is its turn.
        """
        return self._answer(self._prepared(), message, DispatchedFuture())

    def open(self, specs: tuple[BookSpec, ...]) -> tuple[BookCell, ...]:
        """Have books followed; all of them, or none if this fails or is interrupted by Ctrl-C. Errors as for `ask`."""
        supervisor, future = self._prepared(), DispatchedFuture[Any]()
        try:
            timing = self.settings.timing
            timeout = timing.call_deadline + timing.opening_time * len(specs)
            cells: tuple[BookCell, ...] = self._answer(supervisor, OpenBooks(specs), future, timeout)
        except BaseException:
            # The supervisor handles this after `OpenBooks`, and closes the books that it has opened.
            tell(supervisor, Withdraw(future))
            raise
        return cells

    def close(self, cell: BookCell, lease: Lease, timeout: float) -> tuple[Ending, ...]:
        """Give back a share in a book; returns what ends with it, nothing if `timeout` leaves no time to wait.

        Raises:
            LifecycleError: as for `ask`.
        """
        supervisor, future = self._prepared(), DispatchedFuture[Any]()
        mailbox_of(supervisor).ask(CloseBook(cell, lease), future)
        if timeout <= 0:
            return ()
        try:
            ending: tuple[Ending, ...] = future.get(timeout=timeout)
        except (pykka.Timeout, pykka.ActorDeadError) as error:
            logger.warning("! %s: it is not known whether the subscription has ended: %s", cell.spec.symbol, error)
            return ()
        return ending

    def _prepared(self) -> pykka.ActorRef[Any]:
        """Start the supervisor if necessary and return it; check that the caller may ask it."""
        self.start()
        supervisor = self._supervisor
        if supervisor is None:
            msg = "the engine was stopped"
            raise LifecycleError(msg)
        self.check_turn()
        if not supervisor.is_alive():
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
        # The caller made the future, and keeps it if this is interrupted. A dead actor's mailbox answers at once.
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
        """Show a notice, and release the threads that wait for the end. Thread: that of the supervisor's last turn."""
        self._death = error
        if self._sharing is None:
            words = "the engine has ended and all its books are given up; make a new engine: %s"
            logger.notice(("supervisor", id(self)), words, error, level=logging.ERROR)
        else:
            logger.error("! the worker ends, to be replaced: %s", error)
        self._close_recorder()
        self.dispatcher.close()
        self._ended.set()

    def wait_stopped(self, timeout: float | None) -> bool:
        """Wait until `stop` has returned, in any thread; returns whether it has, in a fork `True` at once."""
        if self.is_fork:
            return True
        if is_engine_thread(threading.current_thread()) and not self._ended.is_set():
            msg = "expected to wait for the end of the engine outside its callbacks, which have to end first"
            raise LifecycleError(msg)
        now = self.dispatcher.monotonic
        deadline = None if timeout is None else now() + timeout
        while True:
            left = 1.0 if deadline is None else min(1.0, deadline - now())
            # In slices: some systems notice Ctrl-C only between two waits.
            if self._ended.wait(max(0.0, left)):
                return True
            if deadline is not None and now() >= deadline:
                return False

    def stop(self, timeout: float) -> None:
        """Stop every thread within `timeout` seconds; the log names those that do not end.

        After Ctrl-C in here it may be called again.
        """
        self._stopped = True
        if self.is_fork:
            # The threads do not exist here.
            self._ended.set()
        elif self._stopper is None:
            try:
                self._stopper = threading.get_ident()
                self._end(timeout)
            finally:
                self._stopper = None
        elif self._stopper != threading.get_ident() and not is_engine_thread(threading.current_thread()):
            # Another thread is stopping it. The engine's own threads, and a handler within that call, must not wait.
            self._ended.wait(timeout)

    def _end(self, timeout: float) -> None:
        """Stop everything and wait for it, unless that was done before."""
        clock = self.dispatcher
        deadline = self.dispatcher.ends_by = clock.monotonic() + timeout
        ref = self._supervisor
        if ref is None and self._ended.is_set():
            return
        if ref is not None and current_task() is mailbox_of(ref):
            # A finalizer of the program, in a turn of the supervisor: it cannot wait for its own end. The children end
            # with it.
            ref.stop(block=False)
            self._close_recorder()
            self.notifier.close()
            self.dispatcher.close()
        elif ref is not None:
            left = stop_actors(ref, deadline, clock)
            # Not sooner: until here the books could give it their last frames.
            left += join(self._close_recorder(), deadline, clock=clock)
            self.notifier.close()
            self.dispatcher.close()
            left += join(self.dispatcher.threads, deadline, callback_patience(), clock=clock)
            # The time is over, or this is a callback: a program that stops the engine there wants no more calls.
            self.notifier.abort()
            if left:
                names = "; ".join(map(self.dispatcher.describe, left))
                logger.notice(("stop", id(self)), "stopped while a call had not returned: %s", names)
        if self._folder is not None:
            # Last: until here the books could write that they are over.
            self._folder.close()
        reporting.flush(min(_FLUSH_TIMEOUT, max(_FLUSH_LEAST, deadline - clock.monotonic())))
        # Not sooner: an interrupted stop is tried again, by the program or at the interpreter's end.
        if self._supervisor is ref:
            self._supervisor = None
        running.discard(self._owner)
        self._ended.set()


def _check_lock() -> None:
    """Check that the interpreter has its global lock (GIL): books are copied without any other lock.

    Raises:
        LifecycleError: the lock is disabled; the message says how to enable it.
    """
    is_enabled: Callable[[], bool] | None = getattr(sys, "_is_gil_enabled", None)
    if is_enabled is not None and not is_enabled():
        msg = "expected an interpreter with the global lock (GIL), was one without: run it with PYTHON_GIL=1"
        raise LifecycleError(msg)
