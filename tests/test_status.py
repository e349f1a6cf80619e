"""The status is typed, plain as JSON, and told even of a book that is stuck."""

import json
import threading

import orjson

from depthactors import BookState, EngineStatus


def test_every_row_of_the_status_is_plain_json(engine):
    engine.subscribe_many(["BTCUSDT", "ETHUSDT"], depth=20)
    engine.wait_live(10)
    status = engine.status()
    assert isinstance(status, EngineStatus)
    told = json.loads(json.dumps(status.as_dict()))
    assert (told["live"], told["progress"], told["estimate"]) == (2, 1.0, 0.0)
    book, socket, pool = told["books"][0], told["sockets"][0], told["pools"][0]
    assert (book["symbol"], book["market"], book["state"], book["depth"]) == ("BTCUSDT", "spot", "LIVE", 20)
    assert {"age", "lag", "restarts", "error", "trusted_bids", "trusted_asks"} <= book.keys()
    assert {"gaps", "resyncs", "audits", "audit_differences", "coalesced", "callback_errors"} <= book["counters"].keys()
    assert (socket["connected"], socket["restarts"], socket["error"]) == (True, 0, None)
    assert sum(row["streams"] for row in told["sockets"]) == 2
    assert pool["used_weight"] >= 2 * 5
    assert (pool["allowed_weight"], pool["waiting"], pool["silent_for"]) == (6000, 0, 0.0)
    assert orjson.loads(orjson.dumps(status.books[0]))["symbol"] == "BTCUSDT"


def test_progress_and_estimate_while_weight_is_short(exchange, engine):
    engine.subscribe("BTCUSDT", depth=20).wait_live(10)
    pool = engine.status().pools[0]
    assert (engine.status().progress, pool.estimate) == (1.0, 0.0)
    # Whatever else the address did has used the minute up.
    engine.subscribe("ETHUSDT", depth=20)
    status = engine.status()
    assert len(status.books) == 2
    assert 0.5 <= status.progress <= 1.0


def test_a_book_in_a_callback_that_does_not_return_has_its_row(engine):
    entered, leave = threading.Event(), threading.Event()

    def stuck(_view):
        entered.set()
        leave.wait(20)

    engine.subscribe("BTCUSDT", depth=20, on_update=stuck)
    assert entered.wait(10)
    try:
        (row,) = engine.status(timeout=5).books
    finally:
        leave.set()
    assert (row.symbol, row.state) == ("BTCUSDT", BookState.LIVE)


def test_without_books_there_is_nothing_to_wait_for(exchange, engine):
    status = engine.status()
    assert (status.live, status.progress, status.estimate, status.books) == (0, 1.0, 0.0, ())
