import json

import pytest

from depthactors import markets
from depthactors.exchange.rest.parameters import BadRequestError, limit_of, symbol_of, weight_of
from depthactors.exchange.rest.path import rest_path
from tests.support import table

SPOT, USDM = "/api/v3", "/fapi/v1"
ROWS = {SPOT: markets.SPOT, USDM: markets.USDM}


@table(
    ("base", "query", "limit", "weight"),
    [
        (SPOT, "depth", 100, 5),
        (SPOT, "depth?limit=7", 7, 5),
        (SPOT, "depth?limit=101", 101, 25),
        (SPOT, "depth?limit=9999", 5_000, 250),
        (SPOT, "ping", None, 1),
        (SPOT, "exchangeInfo", None, 20),
        (USDM, "depth", 500, 1),
        (USDM, "depth?limit=500", 500, 10),
        (USDM, "exchangeInfo", None, 1),
    ],
)
def test_the_limit_and_the_weight_of_a_request(base, query, limit, weight):
    path = rest_path(f"{base}/{query}")
    assert limit_of(path, ROWS[base]) == limit
    assert weight_of(path, ROWS[base], limit) == weight


@table(
    ("base", "limit", "code"),
    [(SPOT, "0", -1130), (SPOT, "many", -1100), (SPOT, "", -1100), (USDM, "7", -4021), (USDM, "-1", -1100)],
)
def test_a_limit_that_the_market_does_not_accept(base, limit, code):
    with pytest.raises(BadRequestError) as caught:
        limit_of(rest_path(f"{base}/depth?limit={limit}"), ROWS[base])
    assert json.loads(caught.value.body)["code"] == code


def test_the_symbol_of_a_request():
    assert symbol_of(rest_path("/api/v3/depth?symbol=BTCUSDT")) == "BTCUSDT"
    for query in ("", "?symbol="):
        with pytest.raises(BadRequestError):
            symbol_of(rest_path(f"/api/v3/depth{query}"))
