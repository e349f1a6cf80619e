from depthactors.binance import HttpAnswer, read_date

DATES = {
    "Sun, 06 Nov 1994 08:49:37 GMT": 784111777.0,
    "Sun, 06 Nov 1994 08:49:37": 784111777.0,
    "Sun, 06 Nov 1994 09:49:37 +0100": 784111777.0,
    "Tue, 24 Nov 99999 16:25:38 GMT": None,
    "yesterday": None,
    "": None,
    None: None,
}


def test_dates():
    assert {text: read_date(text) for text in DATES} == DATES


def test_an_answer_has_the_date_of_its_header():
    assert HttpAnswer(200, {"date": "Sun, 06 Nov 1994 08:49:37 GMT"}, b"").date == 784111777.0
    assert HttpAnswer(200, {}, b"").date is None
