"""The notice that a book has failed."""

import logging

import pytest

from depthactors.actors import book_failure
from depthactors.actors.book_failure import is_failure, report_failure
from depthactors.errors import SupervisorDiedError, UnknownSymbolError
from tests.actors.actor_support import spec
from tests.support import table


@pytest.fixture
def notices(monkeypatch):
    notices = []

    def notice(cause, words, *arguments, level):
        notices.append((cause, words % arguments, level))

    monkeypatch.setattr(book_failure.logger, "notice", notice)
    return notices


def test_a_failed_book_is_named_with_its_error_and_books_with_the_same_error_share_the_cause(notices):
    error = UnknownSymbolError("the exchange does not list it")
    report_failure(spec(), error)
    report_failure(spec(symbol="ETHUSDT"), error)
    (cause, words, level), (other, _, _) = notices
    assert words == "BTCUSDT (spot): given up, no more data comes: the exchange does not list it"
    assert (level, cause == other) == (logging.ERROR, True)
    assert is_failure(cause)


def test_the_death_of_the_supervisor_is_no_notice_of_each_book(notices):
    report_failure(spec(), SupervisorDiedError("the supervisor died"))
    assert notices == []


@table("cause", ["end", ("room", "BTCUSDT"), None])
def test_another_cause_is_no_failure(cause):
    assert not is_failure(cause)
