"""The client against a real HTTP server on the loopback interface, well- and ill-behaved."""

import contextlib
import gzip
import socket
import threading
import time
import zlib
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import orjson
import pytest

from depthactors.binance.depth_reply import MAX_BODY
from depthactors.errors import MalformedFrameError, RateLimitedError, SnapshotError, UnknownSymbolError
from depthactors.markets import COINM, SPOT
from tests.net.net_support import rest_client
from tests.support import peak_of, table

DEPTH = {"lastUpdateId": 7, "bids": [["10.50", "1"]], "asks": [["11.00", "2"]]}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.server.requests.append(self.path)
        self.server.ports.append(self.client_address[1])
        with contextlib.suppress(OSError):
            self.server.answer(self)

    def finish(self):
        super().finish()
        self.server.finished.set()

    def reply(self, body=DEPTH, status=200, length=None, **headers):
        body = body if isinstance(body, bytes) else orjson.dumps(body)
        self.send_response(status)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)
        self.close_connection = length is not None

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    """Answer with a snapshot until a test says otherwise; `over` is set at the end of the test."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as httpd:
        httpd.requests, httpd.ports = [], []
        httpd.over, httpd.finished = threading.Event(), threading.Event()
        httpd.answer = Handler.reply
        httpd.url = f"http://127.0.0.1:{httpd.server_port}"
        thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield httpd
        httpd.over.set()
        httpd.shutdown()
        thread.join()


@pytest.fixture
def patience():
    """Seconds to connect, and between two bytes: more than a busy machine needs."""
    return 10.0


@pytest.fixture
def client(patience):
    with contextlib.closing(rest_client(connect_timeout=patience, read_timeout=patience)) as rest:
        yield rest


@pytest.fixture
def fetch(server, client):
    """Ask for one snapshot, the server answering as told."""

    def ask(answer=Handler.reply, market=SPOT, **reply):
        server.answer = (lambda handler: handler.reply(**reply)) if reply else answer
        return client.fetch_depth(market.at(server.url), "BTCUSDT", 500)

    return ask


def test_a_snapshot(fetch, server):
    reply = fetch()
    assert reply.result == (7, 0, 500, (2, 0), [10.5, 1.0], [11.0, 2.0])
    parts = urlsplit(server.requests[0])
    assert parts.path == "/api/v3/depth"
    assert parse_qs(parts.query) == {"symbol": ["BTCUSDT"], "limit": ["500"]}


def test_one_connection_serves_many_requests(fetch, server):
    for _ in range(3):
        fetch()
    assert len(set(server.ports)) == 1


@table(
    ("header", "used"),
    [
        ("0", 0),
        ("5999", 5999),
        ("", None),
        ("many", None),
        ("-1", None),
        ("1.5", None),
        ("²", None),
        ("9" * 5000, None),
    ],
)
def test_the_used_weight_is_told_where_it_is_a_number(fetch, header, used):
    assert fetch(X_MBX_USED_WEIGHT_1M=header).used_weight == used


@pytest.mark.parametrize("status", [200, 400, 429, 418, 451, 500])
def test_the_used_weight_is_told_with_every_answer(fetch, status):
    assert fetch(status=status, X_MBX_USED_WEIGHT_1M="77").used_weight == 77
    assert fetch(status=status).used_weight is None


@table(
    ("status", "header", "seconds"),
    [
        (429, "7", 7.0),
        (418, "3600", 3600.0),
        (429, None, 60.0),
        (418, None, 120.0),
        (429, "2.5", 2.5),
        (429, "Wed, 21 Oct 2015 07:28:00 GMT", 1.0),
        (403, None, 60.0),
        (451, None, 600.0),
        (400, None, 60.0),
        (418, "", 120.0),
        (429, "²", 60.0),
    ],
)
def test_a_rate_limit_says_how_long_to_be_silent(fetch, status, header, seconds):
    headers = {} if header is None else {"Retry_After": header}
    error = fetch(body={"code": -1003, "msg": "Too much"}, status=status, **headers).result
    assert type(error) is RateLimitedError
    assert (error.status, error.retry_after) == (status, seconds)


def test_how_long_to_be_silent_goes_by_the_exchanges_clock(server, client):
    def answer(handler):
        handler.send_response_only(418)
        handler.send_header("Date", "Wed, 21 Oct 2015 07:28:00 GMT")
        handler.send_header("Content-Length", "48")
        handler.end_headers()
        handler.wfile.write(b'{"code":-1003,"msg":"banned until 1445412780000"}'[:48])

    server.answer = answer
    error = client.fetch_depth(SPOT.at(server.url), "BTCUSDT", 500).result
    assert (type(error), error.retry_after, error.longest) == (RateLimitedError, 300.0, 300.0)


def test_an_unknown_symbol(fetch):
    error = fetch(body={"code": -1121, "msg": "Invalid symbol."}, status=400).result
    assert type(error) is UnknownSymbolError
    assert "BTCUSDT" in str(error)


@table(
    ("status", "body", "code", "words"),
    [
        (400, {"code": -4021, "msg": "7 is not valid depth limit"}, -4021, "7 is not valid"),
        (500, b"", None, "500"),
        (502, b"\xff\xfe\x00", None, "502"),
        (503, {"code": "x"}, None, "503"),
        (504, [], None, "504"),
        (504, {"code": -1007, "msg": "Timeout"}, -1007, "Timeout"),
        (404, b"null", None, "404"),
    ],
)
def test_a_failure_keeps_the_numbers(fetch, status, body, code, words):
    error = fetch(body=body, status=status).result
    assert type(error) is SnapshotError
    assert (error.status, error.code) == (status, code)
    assert words in str(error)
    assert len(str(error)) < 300
    assert error.__traceback__ is None, "it is a value: it keeps no body alive"


@table(
    "body",
    [b"", b"<html>", b"[]", b"null", b'{"lastUpdateId":7', {}, {"code": -1},
     DEPTH | {"bids": [["x", "1"]]}, DEPTH | {"lastUpdateId": None}, DEPTH | {"bids": {"12": 0}}],
)  # fmt: skip
def test_a_reply_that_is_no_snapshot(fetch, body):
    assert type(fetch(body=body).result) is MalformedFrameError


def test_an_empty_book_is_a_snapshot(fetch):
    reply = fetch(body=DEPTH | {"bids": [], "asks": []})
    assert (reply.result.last_update_id, reply.result.bids, reply.result.asks) == (7, [], [])


def test_another_symbols_snapshot(fetch):
    assert type(fetch(market=COINM, body=DEPTH | {"symbol": "ETHUSD_PERP"}).result) is MalformedFrameError
    assert fetch(market=COINM, body=DEPTH | {"symbol": "BTCUSDT"}).result.last_update_id == 7


def no_answer(handler):
    handler.server.over.wait()


def ends_at_once(handler):
    handler.close_connection = True


def resets(handler):
    handler.close_connection = True
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    handler.connection.close()


def cut_body(handler):
    handler.reply(length=10_000)


def garbage(handler):
    handler.close_connection = True
    handler.wfile.write(b"\x16\x03\x01 this is no HTTP\r\n\r\n")


def bad_gzip(handler):
    handler.reply(b"no gzip", Content_Encoding="gzip")


def unknown_encoding(handler):
    handler.reply(Content_Encoding="br")


@pytest.mark.parametrize("patience", [0.5])
@pytest.mark.parametrize(
    "answer",
    [no_answer, ends_at_once, resets, cut_body, garbage, bad_gzip, unknown_encoding],
    ids=lambda f: f.__name__,
)
def test_no_answer_is_an_error_without_a_status(fetch, answer):
    begun = time.monotonic()
    error = fetch(answer).result
    assert type(error) is SnapshotError
    assert (error.status, error.code) == (None, None)
    assert "BTCUSDT" in str(error)
    assert time.monotonic() - begun < 5.0


def test_a_redirect_is_a_failure_and_not_followed(fetch, server):
    error = fetch(body=b"", status=302, Location="/api/v3/depth").result
    assert (type(error), error.status, len(server.requests)) == (SnapshotError, 302, 1)


def test_a_packed_body_is_unpacked(fetch):
    assert fetch(body=gzip.compress(orjson.dumps(DEPTH)), Content_Encoding="gzip").result.last_update_id == 7


@cache
def small_body_of_much():
    packer = zlib.compressobj(9, wbits=31)
    return b"".join(packer.compress(b" " * 2**20) for _ in range(100)) + packer.flush()


def endless(handler):
    handler.send_response(200)
    handler.end_headers()
    handler.close_connection = True
    while True:
        handler.wfile.write(b" " * 65_536)


def bomb(handler):
    handler.reply(small_body_of_much(), Content_Encoding="gzip")


@pytest.mark.parametrize("answer", [endless, bomb], ids=lambda f: f.__name__)
def test_a_body_beyond_all_bounds_is_a_failure_and_not_kept(fetch, answer):
    error, peak = peak_of(lambda: fetch(answer).result)
    assert type(error) is SnapshotError
    assert str(MAX_BODY) in str(error)
    assert peak < 6 * MAX_BODY
    assert fetch().result.last_update_id == 7


def test_more_levels_than_were_asked_for(fetch):
    levels = [[str(price), "1"] for price in range(1, 600)]
    error = fetch(body=DEPTH | {"bids": levels}).result
    assert type(error) is MalformedFrameError
    assert "at most 500" in str(error)


@pytest.mark.parametrize(
    ("header", "date"),
    [
        ("Tue, 24 Nov 2026 16:25:38 GMT", 1795537538.0),
        ("", None),
        ("yesterday", None),
        ("Tue, 24 Nov 99999 16:25:38 GMT", None),
    ],
)
def test_the_exchanges_clock_is_told_where_it_is_a_date(server, client, header, date):
    def answer(handler):
        body = orjson.dumps(DEPTH)
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nDate: %b\r\nContent-Length: %d\r\n\r\n" % (header.encode(), len(body)))
        handler.wfile.write(body)

    server.answer = answer
    before, since = time.monotonic(), time.time()
    reply = client.fetch_depth(SPOT.at(server.url), "BTCUSDT", 500)
    assert reply.date == date
    assert before <= reply.sent <= reply.received <= time.monotonic()
    assert since <= reply.recv_time <= time.time()


def test_nothing_of_the_user_goes_along(fetch, server, monkeypatch, tmp_path):
    (tmp_path / ".netrc").write_text("default login me password secret")
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    seen = []

    def answer(handler):
        seen.append(dict(handler.headers))
        handler.reply(Set_Cookie="tracked=1")

    fetch(answer)
    fetch(answer)
    assert len(seen) == 2
    assert not any({"Authorization", "Cookie"} & headers.keys() for headers in seen)


def test_a_request_is_cut_by_another_thread_and_the_next_one_is_not(server):
    asked = threading.Event()

    def drips(handler):
        handler.send_response(200)
        handler.send_header("Content-Length", "1000")
        handler.end_headers()
        asked.set()
        while not handler.server.over.wait(0.02):
            handler.wfile.write(b" ")

    server.answer = drips
    with contextlib.closing(rest_client(read_timeout=5.0)) as client:
        replies = []
        thread = threading.Thread(
            target=lambda: replies.append(client.fetch_depth(SPOT.at(server.url), "BTCUSDT", 500, 7)), daemon=True
        )
        thread.start()
        assert asked.wait(5)
        client.cut(6)
        thread.join(0.1)
        assert thread.is_alive(), "that is over, and not this one"
        client.cut(7)
        thread.join(5)
        assert type(replies[0].result) is SnapshotError
        server.answer = Handler.reply
        assert client.fetch_depth(SPOT.at(server.url), "BTCUSDT", 500, 8).result.last_update_id == 7
        client.cut(9)
        assert "the request was cut" in str(client.fetch_depth(SPOT.at(server.url), "BTCUSDT", 500, 9).result)
        assert client.fetch_depth(SPOT.at(server.url), "BTCUSDT", 500, 10).result.last_update_id == 7


def test_a_refused_connection(client):
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
    reply = client.fetch_depth(SPOT.at(f"http://127.0.0.1:{port}"), "BTCUSDT", 5)
    assert type(reply.result) is SnapshotError
    assert reply.used_weight is None
    assert reply.result.__cause__ is not None


def test_the_client_recovers(fetch):
    for answer in (ends_at_once, cut_body, garbage):
        assert isinstance(fetch(answer).result, SnapshotError)
        assert fetch().result.last_update_id == 7


def test_a_closed_client_leaves_no_connection(server, client, fetch):
    fetch()
    assert not server.finished.is_set()
    client.close()
    assert server.finished.wait(2.0)
