"""The log: one logger a module, the symbol first, a mark for the direction, and nothing for a mere update."""

import logging
import re
import threading
import time
from pathlib import Path

import pytest

import depthactors
from depthactors import DepthEngine
from depthactors.exchange import Fault
from tests.support import Recorder, until

PACKAGE = Path(depthactors.__file__).parent
MARKS = "<>=%!~-"


def test_a_book_that_only_updates_is_not_logged_at_info(exchange, caplog):
    updates = Recorder()
    caplog.set_level(logging.INFO, logger="depthactors")
    with DepthEngine(refresh_interval=None) as engine:
        engine.subscribe("BTCUSDT", depth=5, on_update=updates).wait_live(10)
        updates.wait_for(lambda _: len(updates.seen) > 20)
        before = len(caplog.records)
        updates.wait_for(lambda _: len(updates.seen) > 80)
        assert [record.getMessage() for record in caplog.records[before:] if "refresh" not in record.getMessage()] == []


def test_what_happens_to_a_book_is_logged_symbol_first(exchange, caplog):
    caplog.set_level(logging.INFO, logger="depthactors")
    events = Recorder()
    with DepthEngine() as engine:
        engine.subscribe("BTCUSDT", depth=5, on_event=events).wait_live(10)
        exchange.inject(Fault("drop", symbol="BTCUSDT"))
        events.wait_for(lambda event: event.previous == "STALE" and event.state == "LIVE")
    modules = {"depthactors.actors.book", "depthactors.actors.book_listeners"}
    told = [record.getMessage() for record in caplog.records if record.name in modules]
    assert any(line.startswith("= BTCUSDT SYNCING -> LIVE") for line in told)
    assert any(line.startswith("~ BTCUSDT expected a diff after update") for line in told)
    assert any(line.startswith("= BTCUSDT STALE -> LIVE") for line in told)
    for line in told:
        assert re.match(rf"[{MARKS}] BTCUSDT ", line), line
        assert line.count("BTCUSDT") == 1, line


def test_every_module_that_logs_has_its_own_logger():
    for path in PACKAGE.rglob("*.py"):
        text = path.read_text()
        if "logger." in text and path.parent.name != "reporting":
            assert "logger = reporting.logger(__name__)" in text, path


def test_a_program_that_sets_up_no_logging_sees_no_log_records():
    (handler,) = logging.getLogger("depthactors").handlers
    assert isinstance(handler, logging.NullHandler)


class Hostile(logging.Handler):
    """A log handler of the host program that raises or blocks at whatever an operator should see."""

    def __init__(self, mode):
        super().__init__(logging.WARNING)
        self.met, self.leave = threading.Event(), threading.Event()
        self._mode = mode

    def emit(self, record):
        self.met.set()
        if self._mode == "block":
            self.leave.wait(30)
        elif self._mode == "exit":
            raise SystemExit(record.getMessage())
        else:
            raise OSError(record.getMessage())


HOSTILE = [
    *((mode, "depthactors") for mode in ("raise", "exit", "block")),
    *(pytest.param(mode, None, marks=pytest.mark.full) for mode in ("exit", "block")),
    ("raise", None),
]


@pytest.mark.usefixtures("fast")
@pytest.mark.parametrize(("mode", "where"), HOSTILE)
def test_a_log_handler_that_raises_or_blocks_harms_no_book_and_holds_up_no_call(exchange, where, mode):
    hostile, updates = Hostile(mode), Recorder()
    logger = logging.getLogger(where)
    engine = DepthEngine()
    book, other = engine.subscribe_many(["BTCUSDT", "ETHUSDT"], depth=5, on_update=updates)
    engine.wait_live(10)
    logger.addHandler(hostile)
    try:
        book.ref.tell(object())  # which no book takes
        assert hostile.met.wait(10)
        until(lambda: book._cell.restarts == 1 and book.state == "LIVE" == other.state)
        started = time.monotonic()
        assert engine.status().live == 2
        assert engine.running
        engine.stop()
        assert time.monotonic() - started < 5
        assert (book.state, other.state) == ("STOPPED", "STOPPED")
    finally:
        hostile.leave.set()
        logger.removeHandler(hostile)
