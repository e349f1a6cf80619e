import http.client
import io

from websockets.datastructures import Headers
from websockets.http11 import Request

from depthactors.exchange.rest.reply import Reply
from depthactors.exchange.server import http as exchange_http
from depthactors.exchange.streams.path import StreamPath
from tests.support import table

NOW = 1_700_000_000.0


class Wire:
    """Bytes as `http.client` wants to read them."""

    def __init__(self, wire):
        self._wire = wire

    def makefile(self, _):
        return io.BytesIO(self._wire)


def request(path="/api/v3/ping", **headers):
    return Request(path, Headers({"Host": "x"} | headers))


def read(wire):
    reply = http.client.HTTPResponse(Wire(wire))
    reply.begin()
    return reply, reply.read()


@table("upgrade", ["websocket", "WebSocket", "h2c, websocket"])
def test_an_upgrade_of_a_stream_path_is_a_websocket(upgrade):
    assert exchange_http.stream_path_of(request("/ws/a@depth", Upgrade=upgrade)) == StreamPath(
        "", combined=False, streams=("a@depth",)
    )


@table(
    ("path", "headers"), [("/ws/a@depth", {}), ("/ws/a@depth", {"Upgrade": "h2c"}), ("/x", {"Upgrade": "websocket"})]
)
def test_anything_else_is_not(path, headers):
    assert exchange_http.stream_path_of(request(path, **headers)) is None


@table(("header", "keeps"), [(None, True), ("keep-alive", True), ("close", False), ("Close, TE", False)])
def test_the_client_decides_whether_the_connection_goes_on(header, keeps):
    asked = request(**({} if header is None else {"Connection": header}))
    assert exchange_http.keeps_alive(asked) is keeps
    reply, _ = read(exchange_http.encoded(asked, Reply(200, b"{}"), NOW))
    assert reply.headers["Connection"] == ("keep-alive" if keeps else "close")


@table("status", [200, 400, 404, 418, 429, 500])
def test_an_answer_is_http_that_any_client_reads(status):
    answer = Reply(status, b'{"a":1}', (("Retry-After", "7"), ("X-MBX-USED-WEIGHT-1M", "12")))
    reply, body = read(exchange_http.encoded(request(), answer, NOW))
    assert (reply.status, body) == (status, b'{"a":1}')
    assert reply.headers["Content-Length"] == "7"
    assert reply.headers["Date"] == "Tue, 14 Nov 2023 22:13:20 GMT"
    assert reply.headers["Content-Type"].startswith("application/json")
    assert reply.headers["Date"].endswith("GMT")
    assert (reply.headers["Retry-After"], reply.headers["X-MBX-USED-WEIGHT-1M"]) == ("7", "12")


def test_an_answer_that_is_cut_promises_its_whole_length_and_no_further_request():
    reply, _ = read(exchange_http.encoded(request(), Reply(200, b"0123456789", cut=4), NOW))
    assert (reply.headers["Content-Length"], reply.headers["Connection"]) == ("10", "close")


@table(("make", "status"), [("bad_request", 400), ("no_websocket", 429)])
def test_refusals_end_the_connection(make, status):
    reply, body = read(getattr(exchange_http, make)(NOW))
    assert (reply.status, reply.headers["Connection"], body) == (status, "close", b"{}")
