import orjson
import pytest

from depthactors.book import BookState
from depthactors.serve.answers import Answers
from depthactors.sharing.listing import SharedBook
from tests.serve.serve_support import view_of
from tests.support import table

SHALLOW, DEEP = SharedBook("BTCUSDT", "spot", 100, 1), SharedBook("BTCUSDT", "spot", 100, 2)
SLOW = SharedBook("ETHUSDT", "spot", 1000, 2)
QUICK = SharedBook("ETHUSDT", "spot", 100, 2)
PATH = "/books/spot/BTCUSDT"


class FakeBooks:
    """Books that change when the test says so."""

    def __init__(self):
        self.shown = view_of({9.5: 1.0, 9.0: 2.0}, {10.5: 3.0}), None

    def listed(self):
        return dict.fromkeys([SHALLOW, DEEP, SLOW, QUICK], BookState.LIVE)

    def view(self, book):
        assert book != SHALLOW
        return self.shown


@pytest.fixture
def books():
    return FakeBooks()


@pytest.fixture
def answers(books):
    return Answers(books)


def test_a_book_is_shown_from_the_deepest_subscription(answers):
    answer = answers.to(PATH)
    assert answer.status == 200
    assert orjson.loads(answer.body) == {
        "market": "spot",
        "symbol": "BTCUSDT",
        "speed_ms": 100,
        "depth": 2,
        "state": "LIVE",
        "reason": None,
        "last_update_id": 1,
        "event_time": 1000,
        "recv_time": 1.0,
        "age": 0.5,
        "bids": [["9.50", "1.0"], ["9.00", "2.0"]],
        "asks": [["10.50", "3.0"]],
    }


def test_a_book_that_has_not_changed_is_not_sent_again(answers, books):
    first = answers.to(PATH)
    assert answers.to(PATH, first.tag)[:2] == (304, b"")
    books.shown = view_of({9.5: 1.0}, {}, 2), None
    assert answers.to(PATH, first.tag).status == 200
    books.shown = view_of({9.5: 1.0}, {}, 1, BookState.STALE), "why"
    stale = answers.to(PATH, first.tag)
    assert (stale.status, orjson.loads(stale.body)["reason"]) == (200, "why")


@table("query", ["levels=1", "numbers=float"])
def test_another_form_has_another_tag(answers, query):
    assert answers.to(f"{PATH}?{query}", answers.to(PATH).tag).status == 200


def test_levels_and_numbers_as_asked_for(answers):
    message = orjson.loads(answers.to(f"{PATH}?levels=1&numbers=float").body)
    assert (message["bids"], message["asks"]) == ([[9.5, 1.0]], [[10.5, 3.0]])
    assert len(orjson.loads(answers.to(f"{PATH}?levels=50").body)["bids"]) == 2


def test_a_book_of_two_speeds_needs_one(answers):
    refused = answers.to("/books/spot/ETHUSDT")
    assert (refused.status, orjson.loads(refused.body)["error"]) == (
        400,
        "expected speed_ms, since the book is followed at 100 and 1000 ms",
    )
    assert orjson.loads(answers.to("/books/spot/ethusdt?speed_ms=1000").body)["speed_ms"] == 1000
