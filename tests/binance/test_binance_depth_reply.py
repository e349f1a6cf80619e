from dataclasses import replace

import orjson
from hypothesis import given
from hypothesis import strategies as st

from depthactors.binance import DepthReply, HttpAnswer, Snapshot, read_depth_reply
from depthactors.errors import MalformedFrameError, RateLimitedError, SnapshotError, UnknownSymbolError
from depthactors.markets import COINM, SPOT
from tests.binance.frame_support import JSON
from tests.support import table

DEPTH = {"lastUpdateId": 7, "bids": [["10.50", "1"], ["10.40", "2"]], "asks": [["11.00", "3"]]}
DATE = "Wed, 21 Oct 2015 07:28:00 GMT"


def read(status=200, body=DEPTH, *, market=SPOT, limit=5, now=1.0e9, **headers):
    text = body if isinstance(body, bytes | None) else orjson.dumps(body)
    answer = HttpAnswer(status, {name.replace("_", "-"): value for name, value in headers.items()}, text)
    return read_depth_reply(answer, market, "BTCUSDT", limit, sent=1.0, received=1.5, recv_time=now)


def test_a_snapshot_and_what_comes_with_it():
    reply = read(x_mbx_used_weight_1m="77", date=DATE)
    assert reply.result == Snapshot(7, 0, 5, (2, 0), [10.5, 1.0, 10.4, 2.0], [11.0, 3.0])
    assert (reply.used_weight, reply.date) == (77, 1445412480.0)
    assert (reply.sent, reply.received, reply.recv_time) == (1.0, 1.5, 1.0e9)


def test_a_reply_without_an_answer_has_no_times():
    reply = DepthReply(SnapshotError("no answer"))
    assert (reply.sent, reply.received, reply.recv_time, reply.used_weight, reply.date) == (0, 0, 0, None, None)


def test_the_used_weight_is_known_where_it_is_a_number():
    weights = {"0": 0, "5999": 5999, **dict.fromkeys(("", "many", "-1", "1.5", "\u00b2", "9" * 5000))}
    assert {text: read(x_mbx_used_weight_1m=text).used_weight for text in weights} == weights
    assert read().used_weight is None


@table("status", [400, 429, 500])
def test_a_failure_comes_with_the_weight_and_the_date(status):
    reply = read(status, b"", x_mbx_used_weight_1m="77", date=DATE)
    assert (reply.used_weight, reply.date, reply.received) == (77, 1445412480.0, 1.5)


def test_not_now_is_a_rate_limit_that_says_for_how_long():
    error = read(429, {"code": -1003, "msg": "Too much"}, retry_after="7").result
    assert (type(error), error.status, error.retry_after, error.longest) == (RateLimitedError, 429, 7.0, 7.0)
    assert str(error) == "BTCUSDT: spot answered 429, too many requests: no request for 7 s or longer"
    error = read(418, None).result
    assert (type(error), error.retry_after, error.longest) == (RateLimitedError, 120.0, 3600.0)
    error = read(429, b"", retry_after="Wed, 21 Oct 2015 07:28:09 GMT", date=DATE).result
    assert error.retry_after == 9.0
    assert read(429, b"", retry_after=DATE, now=1445412480.0 - 5.0).result.retry_after == 5.0


@table("code", [-1121, -1100])
def test_an_unknown_symbol_is_named_with_the_place_that_does_not_list_it(code):
    body = {"code": code, "msg": "Invalid symbol."}
    error = read(400, body).result
    assert (type(error), str(error)) == (
        UnknownSymbolError,
        f"spot does not list 'BTCUSDT' ({code}: Invalid symbol.)",
    )
    elsewhere = replace(SPOT, rest_url="http://127.0.0.1:9000")
    assert "spot at http://127.0.0.1:9000 does not list" in str(read(400, body, market=elsewhere).result)


FAILURES = [
    (400, {"code": -4021, "msg": "7 is not valid depth limit"}, -4021, "spot answered 400 7 is not valid depth limit"),
    (400, {"code": -1, "msg": "two\nlines"}, -1, "two\\nlines"),
    (400, {"code": -1, "msg": "x" * 500}, -1, "x" * 200 + "..."),
    (500, b"", None, "500"),
    (502, b"\xff\xfe\x00", None, "502 \ufffd\ufffd\\x00"),
    (503, {"code": "x", "msg": ["odd"]}, None, "503 ['odd']"),
    (504, [], None, "504 []"),
    (504, {"code": -1007, "msg": "Timeout"}, -1007, "Timeout"),
    (404, b"null", None, "404 null"),
    (200, None, None, "at most 4194304 bytes"),
]


def test_another_failure_keeps_the_numbers_and_the_words():
    errors = [read(status, body).result for status, body, _, _ in FAILURES]
    assert {type(error) for error in errors} == {SnapshotError}
    assert [(error.status, error.code) for error in errors] == [(status, code) for status, _, code, _ in FAILURES]
    assert [words for (*_, words), error in zip(FAILURES, errors, strict=True) if words not in str(error)] == []


def test_what_is_no_snapshot_of_the_symbol_is_malformed():
    bodies = [
        *(b"", b"<html>", b"[]", b"null", b'{"lastUpdateId":7', {}, {"code": -1}),
        *(DEPTH | {"bids": [["x", "1"]]}, DEPTH | {"lastUpdateId": None}, DEPTH | {"bids": {"12": 0}}),
    ]
    assert [body for body in bodies if type(read(body=body).result) is not MalformedFrameError] == []
    assert type(read(market=COINM, body=DEPTH | {"symbol": "ETHUSD_PERP"}).result) is MalformedFrameError
    assert type(read(limit=1).result) is MalformedFrameError


@given(
    st.sampled_from([0, 200, 302, 400, 403, 404, 418, 429, 500, 503]),
    st.none() | st.binary(max_size=60) | JSON.map(orjson.dumps),
    st.dictionaries(st.sampled_from(["date", "retry_after", "x_mbx_used_weight_1m"]), st.text(max_size=30)),
)
def test_any_answer_is_a_snapshot_or_an_error_that_holds_no_frame(status, body, headers):
    reply = read(status, body, **headers)
    if isinstance(reply.result, Exception):
        assert str(reply.result)
        assert reply.result.__traceback__ is None
    else:
        assert type(reply.result) is Snapshot
