"""Log calls of the package: handlers of the program are respected, and can neither end nor block who logs."""

import logging
import os
import threading
import time
from pathlib import Path

import pytest

from depthactors import reporting
from depthactors.reporting import reporter
from tests.support import interrupted

PATIENCE = 10.0


class Handler(logging.Handler):
    """A handler of the host program that does as it is told with each record."""

    def __init__(self, act=None):
        super().__init__()
        self.records = []
        self.act = act

    def emit(self, record):
        self.records.append(record)
        if self.act is not None:
            self.act(record)


@pytest.fixture
def name(request):
    return f"depthactors.test.{request.node.name}"


@pytest.fixture
def log(name):
    return reporting.logger(name)


@pytest.fixture
def attach(name):
    """Attach a handler to the logger alone; returns what attaches."""
    target = logging.getLogger(name)
    target.propagate = False
    target.setLevel(logging.DEBUG)
    attached = []

    def attach(handler):
        attached.append(handler)
        target.addHandler(handler)
        return handler

    yield attach
    for handler in attached:
        target.removeHandler(handler)


def test_a_record_is_of_the_moment_place_and_thread_of_its_call(log, attach):
    handler = attach(Handler())
    before = time.time()
    thread = threading.Thread(target=lambda: log.warning("! %s %d", "BTCUSDT", 5), name="caller")
    thread.start()
    thread.join()
    after = time.time()
    assert reporting.flush(PATIENCE)
    (record,) = handler.records
    assert record.getMessage() == "! BTCUSDT 5"
    assert record.msg == "! %s %d"
    assert (record.threadName, record.thread) == ("caller", thread.ident)
    assert (record.filename, record.funcName) == (Path(__file__).name, "<lambda>")
    assert before <= record.created <= after


@pytest.mark.parametrize("method", ["debug", "info", "warning", "error", "exception"])
def test_each_level_is_the_standard_librarys(log, attach, method):
    handler = attach(Handler())
    getattr(log, method)("word")
    assert reporting.flush(PATIENCE)
    level = "error" if method == "exception" else method
    assert [each.levelname for each in handler.records] == [level.upper()]


def test_what_is_below_the_level_disabled_or_filtered_reaches_no_handler(log, name, attach, monkeypatch):
    handler = attach(Handler())
    target = logging.getLogger(name)
    monkeypatch.setattr(target, "filters", [lambda record: "secret" not in record.getMessage()])
    target.setLevel(logging.INFO)
    log.debug("below")
    log.info("a %s", "secret")
    target.disabled = True
    log.error("disabled")
    target.disabled = False
    logging.disable(logging.ERROR)
    try:
        log.error("switched off")
    finally:
        logging.disable(logging.NOTSET)
    log.info("seen")
    assert reporting.flush(PATIENCE)
    assert [each.getMessage() for each in handler.records] == ["seen"]


def test_an_exception_comes_with_its_traceback(log, attach):
    handler = attach(Handler())
    try:
        raise ValueError("wrong")  # noqa: EM101, TRY301
    except ValueError:
        log.exception("! it failed")
    assert reporting.flush(PATIENCE)
    assert "ValueError: wrong" in logging.Formatter().format(handler.records[0])


@pytest.mark.parametrize("error", [OSError("no space left on device"), SystemExit(3), KeyboardInterrupt()])
def test_a_handler_that_raises_is_survived_and_said_once(log, attach, monkeypatch, error):
    written = []
    monkeypatch.setattr(reporter.stderr, "write", written.append)
    monkeypatch.setattr(reporting._reporter, "_survived", set())

    def fail(_record):
        raise error

    handler = attach(Handler(fail))
    for _ in range(3):
        log.warning("word")
    assert reporting.flush(PATIENCE)
    assert len(handler.records) == 3
    assert len(written) == 1
    assert f"a log handler or filter of the program raised {type(error).__name__}" in written[0]


def test_a_handler_that_blocks_holds_up_nobody_and_what_finds_no_room_is_counted(log, attach, monkeypatch):
    written = []
    monkeypatch.setattr(reporter.stderr, "write", written.append)
    monkeypatch.setattr(reporter, "ROOM", 10)
    entered, go_on = threading.Event(), threading.Event()

    def block(_record):
        entered.set()
        go_on.wait(PATIENCE)

    handler = attach(Handler(block))
    lost = reporting._reporter.lost
    log.warning("first")
    assert entered.wait(PATIENCE)
    started = time.monotonic()
    for _ in range(15):
        log.warning("more")
    assert not reporting.flush(0.01)
    assert time.monotonic() - started < PATIENCE / 2
    go_on.set()
    assert reporting.flush(PATIENCE)
    assert len(handler.records) == 11
    assert reporting._reporter.lost - lost == 5
    assert any("5 log records were left out" in line for line in written)


def test_a_handler_may_log_and_flush_itself(log, attach):
    def again(record):
        if record.getMessage() == "first":
            log.warning("second")
            assert not reporting.flush(PATIENCE)

    handler = attach(Handler(again))
    log.warning("first")
    assert reporting.flush(PATIENCE)
    assert reporting.flush(PATIENCE)
    assert [each.getMessage() for each in handler.records] == ["first", "second"]


def test_a_record_factory_of_the_program_is_used_elsewhere_and_may_fail(log, attach):
    handler = attach(Handler())
    factory, threads = logging.getLogRecordFactory(), []

    def foreign(*arguments, **options):
        threads.append(threading.current_thread().name)
        if len(threads) == 1:
            raise RuntimeError
        return factory(*arguments, **options)

    logging.setLogRecordFactory(foreign)
    try:
        log.warning("lost")
        log.warning("seen")
        assert reporting.flush(PATIENCE)
    finally:
        logging.setLogRecordFactory(factory)
    assert [each.getMessage() for each in handler.records] == ["seen"]
    assert threads == [reporting.THREAD_NAME] * 2


def test_an_object_that_cannot_be_said_is_named_by_its_class(log, attach):
    class Mute:
        def __str__(self):
            raise SystemExit

    handler = attach(Handler())
    log.warning("! %s", Mute())
    assert reporting.flush(PATIENCE)
    assert handler.records[0].getMessage() == "! <Mute, whose text raised SystemExit>"


def test_what_the_other_side_says_is_one_line_of_bounded_length(log, attach):
    handler = attach(Handler())
    log.warning("! %s", ValueError("x\n2026 CRITICAL wallet emptied\x1b[2J\u2028" + "y" * 5_000))
    assert reporting.flush(PATIENCE)
    words = handler.records[0].getMessage()
    assert words.startswith("! x\\n2026 CRITICAL wallet emptied\\x1b[2J\\u2028y")
    assert words.isprintable()
    assert len(words) < 1_200


def test_a_logger_of_a_foreign_class_is_asked_in_the_other_thread(attach, name):
    asked = []

    class Foreign(logging.Logger):
        def isEnabledFor(self, level):  # noqa: N802 - the standard library's name
            asked.append(threading.current_thread().name)
            return level > logging.INFO

    target = Foreign(name)
    handler = Handler()
    target.addHandler(handler)
    log = reporting.logger(name)
    log._target, log._is_plain = target, False
    log.info("below")
    log.warning("seen")
    assert reporting.flush(PATIENCE)
    assert [each.getMessage() for each in handler.records] == ["seen"]
    assert set(asked) == {reporting.THREAD_NAME}


def test_nothing_is_left_when_all_is_said(log, attach):
    attach(Handler())
    log.warning("word")
    assert reporting.flush(PATIENCE)
    assert reporting.THREAD_NAME not in {thread.name for thread in threading.enumerate()}


def test_a_fork_begins_anew(log, attach):
    entered, go_on = threading.Event(), threading.Event()

    def block(_record):
        entered.set()
        go_on.wait(PATIENCE)

    attach(Handler(block))
    log.warning("first")
    assert entered.wait(PATIENCE)
    log.warning("of the parent")
    child = os.fork()
    if child == 0:
        go_on.set()
        os._exit(0 if reporting._reporter._taken == 0 and reporting.flush(1.0) else 1)
    _, status = os.waitpid(child, 0)
    go_on.set()
    assert os.waitstatus_to_exitcode(status) == 0


@pytest.mark.parametrize(("error", "words"), [(MemoryError(), "MemoryError"), (OSError("no room\n"), "no room\\n")])
def test_an_error_without_words_says_what_it_is(error, words):
    assert reporting.cause_of(error) == words


def test_after_ctrl_c_anywhere_in_a_log_call_or_a_flush_others_can_log(name, log):
    release = threading.Event()
    logging.getLogger(name).addHandler(Handler(lambda _record: release.wait(PATIENCE)))
    log.warning("the thread runs, and waits in the handler")

    def call():
        log.warning("one")
        reporting.flush(0.001)

    places = (str(Path(reporting.__file__).parent), threading.__file__)
    # Some places do not let it through, so the first call without an exception need not be the last one.
    for number in range(1, 60):
        interrupted(call, number, places)
        other = threading.Thread(target=log.warning, args=("another",), daemon=True)
        other.start()
        other.join(PATIENCE)
        assert not other.is_alive()
    release.set()
    assert reporting.flush(PATIENCE)
