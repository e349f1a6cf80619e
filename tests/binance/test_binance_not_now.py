"""Each form of "not now" is read, and none of them means to wait for ever."""

from email.utils import formatdate

from hypothesis import given
from hypothesis import strategies as st

from depthactors.binance import HttpAnswer, read_not_now
from depthactors.binance.not_now import LONGEST, SHORTEST

NOW = 1_790_000_000.0
BANNED = b'{"code":-1003,"msg":"Way too much request weight used; IP banned until %d. Please use WebSocket Streams."}'
PAGE = b"<html><h1>403 Forbidden</h1></html>"


def read(status, header, body, now=NOW, **headers):
    return read_not_now(HttpAnswer(status, headers if header is None else headers | {"retry-after": header}, body), now)


def date(seconds):
    return formatdate(NOW + seconds, usegmt=True)


SAID = [
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
]


def test_a_wait_that_the_exchange_gives_is_kept():
    pauses = {(status, header, body): read(status, header, body) for status, header, body, _ in SAID}
    assert {case: (pause.seconds, pause.longest) for case, pause in pauses.items()} == {
        (status, header, body): (seconds, seconds) for status, header, body, seconds in SAID
    }


UNREADABLE = [None, "", "soon", "-3", "1e9", "\u00b2", "Wed, 99 Foo 2026", "9" * 5000, "inf", "nan"]
UNSAID = [
    (429, b"", 60.0),
    (418, BANNED.replace(b"%d", b"later"), 120.0),
    (403, PAGE, 60.0),
    (451, b"", 600.0),
    (400, b'{"code": -1003, "msg": "Too many requests."}', 60.0),
]


def test_a_wait_that_the_exchange_does_not_give_may_grow():
    pauses = {(status, header): read(status, header, body) for header in UNREADABLE for status, body, _ in UNSAID}
    assert {case: pause.seconds for case, pause in pauses.items()} == {
        (status, header): seconds for header in UNREADABLE for status, _, seconds in UNSAID
    }
    assert [case for case, pause in pauses.items() if not pause.seconds < pause.longest <= 3600.0] == []


def test_a_date_is_measured_by_the_exchanges_clock_where_the_answer_has_it():
    assert read(429, date(7), b"", NOW + 5).seconds == 2.0
    assert read(429, date(7), b"", NOW + 5, date=date(0)).seconds == 7.0
    assert read(418, None, BANNED % int(1_000 * (NOW + 300)), NOW + 5, date=date(0)).seconds == 300.0


def test_an_answer_whose_body_is_too_large_is_read_by_its_status():
    assert read(429, None, None).seconds == 60.0
    assert read(200, None, None) is None


def test_other_answers_ask_for_no_wait():
    answers = [
        (200, "7", BANNED % int(1_000 * (NOW + 300))),
        (302, "7", b""),
        (500, None, b""),
        (503, "soon", b'{"code":-1008,"msg":"Server is currently overloaded with other requests."}'),
        (400, "7", b'{"code":-1121,"msg":"Invalid symbol."}'),
        (400, None, b'{"code":-10031,"msg":"x"}'),
        (404, "7", PAGE),
        (0, None, b""),
    ]
    assert [answer for answer in answers if read(*answer) is not None] == []


@given(
    st.sampled_from([400, 403, 418, 429, 451, 500, 503]),
    st.none() | st.text(max_size=40) | st.floats().map(str) | st.floats(0, 1e11).map(formatdate),
    st.binary(max_size=80) | st.integers(0, 10**16).map(lambda number: BANNED % number),
)
def test_every_wait_has_bounds(status, header, body):
    pause = read(status, header, body)
    if pause is not None:
        assert SHORTEST <= pause.seconds <= pause.longest <= LONGEST
        assert pause.words
