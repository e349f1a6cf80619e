"""Every form of "not now" is read, and none makes anybody wait for ever."""

from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from depthactors.binance import read_date, read_not_now
from depthactors.binance.not_now import LONGEST, SHORTEST

NOW = 1_790_000_000.0
BANNED = b'{"code":-1003,"msg":"Way too much request weight used; IP banned until %d. Please use WebSocket Streams."}'
PAGE = b"<html><h1>403 Forbidden</h1></html>"


def date(seconds):
    return formatdate(NOW + seconds, usegmt=True)


@pytest.mark.parametrize(
    ("status", "header", "body", "seconds"),
    [
        (429, "7", b"", 7.0),
        (429, " 7 ", b"", 7.0),
        (418, "2.5", b"", 2.5),
        (418, "3600", b"", 3600.0),
        (429, date(3), b"", 3.0),
        (418, date(300), b"", 300.0),
        (418, date(-300), b"", SHORTEST),
        (418, None, BANNED % int(1_000 * (NOW + 300)), 300.0),
        (418, "5", BANNED % int(1_000 * (NOW + 300)), 300.0),
        (418, "500", BANNED % int(1_000 * (NOW + 300)), 500.0),
        (429, "0", b"", SHORTEST),
        (418, "999999999", b"", LONGEST),
        (403, "30", PAGE, 30.0),
        (503, "3", b"", 3.0),
        (503, "99999", b"", 600.0),
        (400, "9", b'{"code":-1003,"msg":"Too many requests."}', 9.0),
    ],
    ids=str,
)
def test_where_it_is_said_how_long_that_is_how_long(status, header, body, seconds):
    pause = read_not_now(status, header, body, NOW)
    assert (pause.seconds, pause.longest) == (seconds, seconds)


UNREADABLE = [None, "", "soon", "-3", "1e9", "\u00b2", "Wed, 99 Foo 2026", "9" * 5000, "inf", "nan"]


@pytest.mark.parametrize("header", UNREADABLE, ids=lambda header: ascii(header)[:20])
@pytest.mark.parametrize(
    ("status", "body", "seconds"),
    [
        (429, b"", 60.0),
        (418, BANNED.replace(b"%d", b"later"), 120.0),
        (403, PAGE, 60.0),
        (451, b"", 600.0),
        (400, b'{"code": -1003, "msg": "Too many requests."}', 60.0),
    ],
    ids=str,
)
def test_where_it_is_not_said_waits_may_grow(status, body, seconds, header):
    pause = read_not_now(status, header, body, NOW)
    assert pause.seconds == seconds
    assert pause.seconds < pause.longest <= 3600.0


@pytest.mark.parametrize(
    ("status", "header", "body"),
    [
        (200, "7", BANNED % int(1_000 * (NOW + 300))),
        (302, "7", b""),
        (500, None, b""),
        (503, "soon", b'{"code":-1008,"msg":"Server is currently overloaded with other requests."}'),
        (400, "7", b'{"code":-1121,"msg":"Invalid symbol."}'),
        (400, None, b'{"code":-10031,"msg":"x"}'),
        (404, "7", PAGE),
    ],
    ids=str,
)
def test_other_answers_ask_nobody_to_wait(status, header, body):
    assert read_not_now(status, header, body, NOW) is None


@given(
    st.sampled_from([400, 403, 418, 429, 451, 500, 503]),
    st.none() | st.text(max_size=40) | st.floats().map(str) | st.floats(0, 1e11).map(formatdate),
    st.binary(max_size=80) | st.integers(0, 10**16).map(lambda number: BANNED % number),
)
def test_whatever_is_said_waits_have_bounds(status, header, body):
    pause = read_not_now(status, header, body, NOW)
    if pause is not None:
        assert SHORTEST <= pause.seconds <= pause.longest <= LONGEST
        assert pause.words


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("Sun, 06 Nov 1994 08:49:37 GMT", 784111777.0),
        ("Sun, 06 Nov 1994 08:49:37", 784111777.0),
        ("Sun, 06 Nov 1994 09:49:37 +0100", 784111777.0),
        ("Tue, 24 Nov 99999 16:25:38 GMT", None),
        ("yesterday", None),
        ("", None),
        (None, None),
    ],
)
def test_dates(text, seconds):
    assert read_date(text) == seconds
