"""The log: one logger a module, the symbol first, a mark for the direction, and nothing for a mere update."""

import logging
import re
from pathlib import Path

from engine_support import Recorder

import depthactors
from depthactors import DepthEngine
from depthactors.exchange import Fault

PACKAGE = Path(depthactors.__file__).parent
MARKS = "<>=%!~-"


def test_a_book_that_only_updates_is_not_logged_at_info(exchange, caplog):
    updates = Recorder()
    caplog.set_level(logging.INFO, logger="depthactors")
    with DepthEngine(refresh_interval=None) as engine:
        engine.subscribe("BTCUSDT", depth=5, on_update=updates).wait_live(10)
        updates.wait_for(lambda _: len(updates.seen) > 50)
        before = len(caplog.records)
        updates.wait_for(lambda _: len(updates.seen) > 300)
        assert [record.getMessage() for record in caplog.records[before:] if "refresh" not in record.getMessage()] == []


def test_what_happens_to_a_book_is_logged_symbol_first(exchange, caplog):
    caplog.set_level(logging.INFO, logger="depthactors")
    events = Recorder()
    with DepthEngine() as engine:
        engine.subscribe("BTCUSDT", depth=5, on_event=events).wait_live(10)
        exchange.inject(Fault("drop", symbol="BTCUSDT"))
        events.wait_for(lambda event: event.previous == "STALE" and event.state == "LIVE")
    modules = {"depthactors.actors.book", "depthactors.actors.telling"}
    told = [record.getMessage() for record in caplog.records if record.name in modules]
    assert any(line.startswith("= BTCUSDT SYNCING -> LIVE") for line in told)
    assert any(line.startswith("~ BTCUSDT expected a diff after update") for line in told)
    assert any(line.startswith("= BTCUSDT STALE -> LIVE") for line in told)
    for line in told:
        assert re.match(rf"[{MARKS}] BTCUSDT ", line), line


def test_every_module_that_logs_has_its_own_logger():
    for path in PACKAGE.rglob("*.py"):
        text = path.read_text()
        if "logger." in text and path.parent.name != "reporting":
            assert "logger = reporting.logger(__name__)" in text, path


def test_a_program_that_sets_up_no_logging_sees_no_log_records():
    (handler,) = logging.getLogger("depthactors").handlers
    assert isinstance(handler, logging.NullHandler)
