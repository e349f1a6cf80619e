"""Other clients follow the local exchange; skipped where they are not installed."""

import sys
from decimal import Decimal

import follow_peers
import pytest
from follow_peers import LEVELS, SYMBOLS, Book, Peer, Task

from depthactors import markets
from depthactors.exchange import LocalExchange
from depthactors.exchange.feeds.order_flow_feed import OrderFlowFeed

TASK = Task(samples=3, seconds=0.5, patience=60.0)


@pytest.mark.timeout(100)
@pytest.mark.parametrize("peer", follow_peers.PEERS, ids=lambda peer: peer.name)
def test_a_peer_follows_books_of_the_local_exchange(peer):
    python = follow_peers.interpreter(peer)
    if follow_peers.installed_version(peer, python) is None:
        pytest.skip(f"{python} does not have {peer.name}; {peer.variable} names an interpreter that does")
    with follow_peers.new_exchange() as exchange:
        delivery = follow_peers.follow(peer, python, exchange.port, TASK)
        compared = [follow_peers.compare(exchange, book) for book in delivery.books]
    assert (delivery.complete(TASK), delivery.failure) == (True, ""), delivery
    # Whether another's books are right is its own business, not that it got books and their ids.
    assert all(each.truth is not None and each.book.bids and each.book.asks for each in compared), compared
    if peer.name == "depthactors":
        assert all(each.is_equal for each in compared), compared


@pytest.fixture
def run(tmp_path):
    """Run a program in the place of a client."""

    def run_program(source, patience=30.0):
        program = tmp_path / "client.py"
        program.write_text(source)
        peer = Peer("none", str(program), "NONE")
        return follow_peers.follow(peer, sys.executable, 1, Task(samples=1, patience=patience))

    return run_program


def line(symbol):
    return f'print(\'{{"symbol": "{symbol}", "update_id": 1, "bids": [["2", "1.5"]], "asks": []}}\', flush=True)\n'


def test_a_client_that_hangs_is_killed_and_what_it_delivered_is_kept(run):
    delivery = run(f"{line('BTCUSDT')}import threading; threading.Event().wait()", patience=1.0)
    assert delivery.books == [Book("BTCUSDT", 1, ((Decimal(2), Decimal("1.5")),), ())]
    assert delivery.failure.startswith("killed after 1 s")
    assert not delivery.complete(Task(samples=1))


def test_a_client_that_fails_tells_why(run):
    delivery = run("raise SystemExit('no such exchange')")
    assert delivery.failure == "exit status 1\nno such exchange"
    assert delivery.books == []


def test_a_client_may_print_anything_else(run):
    source = "print('hello'); print(17); print('{\"note\": \"late\"}')\n" + "".join(map(line, SYMBOLS))
    delivery = run(source)
    assert (delivery.notes, delivery.failure) == (["late"], "")
    assert delivery.complete(Task(samples=1))


def test_a_wrong_book_is_told_from_a_right_one():
    feed = OrderFlowFeed("BTCUSDT", markets.SPOT, seed=1)
    while (tick := feed.step(tickers=False).event) is None:
        pass
    exchange = LocalExchange([feed])
    truth = exchange.book_at("BTCUSDT", tick.last_id)
    right = Book("BTCUSDT", tick.last_id, truth.bids, truth.asks)
    assert follow_peers.compare(exchange, right).is_equal
    wrong = right._replace(asks=((Decimal(1), Decimal(1)), *truth.asks[1:]))
    compared = follow_peers.compare(exchange, wrong)
    assert (compared.is_equal, compared.equal_bids, compared.equal_asks) == (False, LEVELS, LEVELS - 1)


@pytest.mark.parametrize("update_id", [17, None])
def test_a_book_of_no_known_id_has_no_truth(update_id):
    exchange = LocalExchange([OrderFlowFeed("BTCUSDT", markets.SPOT, seed=1)])
    compared = follow_peers.compare(exchange, Book("BTCUSDT", update_id, (), ()))
    assert (compared.truth, compared.is_equal) == (None, False)


def test_an_interpreter_is_chosen_by_argument_then_environment(monkeypatch):
    peer = follow_peers.PEERS[1]
    monkeypatch.delenv(peer.variable, raising=False)
    assert follow_peers.interpreter(peer) == sys.executable
    monkeypatch.setenv(peer.variable, "/one")
    assert follow_peers.interpreter(peer) == "/one"
    assert follow_peers.interpreter(peer, [(peer.name, "/other")]) == "/other"


def test_what_is_no_interpreter_has_no_peer():
    assert follow_peers.installed_version(follow_peers.PEERS[0], "/nonexistent/python") is None
