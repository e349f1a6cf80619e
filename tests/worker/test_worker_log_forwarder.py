"""Log records and notices of a worker go to the engine's process, and to no handler here."""

import logging

import pytest

from depthactors import reporting
from depthactors.shards.messages import LogReport, NoticeReport
from depthactors.worker.log_forwarder import LogForwarder


class Outbox:
    def __init__(self):
        self.sent = []
        self.put = self.sent.append


@pytest.fixture
def outbox():
    root = logging.getLogger("depthactors")
    level = root.level
    outbox = Outbox()
    forwarder = LogForwarder(outbox)
    forwarder.open(logging.INFO)
    yield outbox
    forwarder.close()
    root.setLevel(level)


def test_records_of_the_level_that_the_engine_takes_are_sent_ready_to_be_pickled(outbox):
    logger = logging.getLogger("depthactors.of_a_worker")
    logger.debug("too low")
    logger.info("hello %s", object())
    (report,) = [each for each in outbox.sent if each.record.name == logger.name]
    assert isinstance(report, LogReport)
    assert (report.record.levelname, report.record.args) == ("INFO", None)
    assert report.record.getMessage().startswith("hello <object")


def test_a_notice_is_sent_with_its_cause(outbox):
    logger = reporting.logger("depthactors.of_a_worker")
    logger.notice("no data here", "%s: no data", "BTCUSDT")
    reporting.flush(5.0)
    notices = [each for each in outbox.sent if isinstance(each, NoticeReport)]
    assert [(each.cause, each.words, each.is_over) for each in notices] == [("no data here", "BTCUSDT: no data", False)]
