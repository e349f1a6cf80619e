from hypothesis import example, given
from hypothesis import strategies as st

from depthactors.exchange.rest.path import rest_path
from tests.support import table


@table(
    ("path", "expected"),
    [
        ("/api/v3/depth?symbol=BTCUSDT&limit=5", ("depth", "/api/v3/depth", {"symbol": "BTCUSDT", "limit": "5"})),
        ("/api/v3/depth?symbol=A&symbol=B", ("depth", "/api/v3/depth", {"symbol": "B"})),
        ("/api/v3/depth?symbol=%E5%B8%81", ("depth", "/api/v3/depth", {"symbol": "币"})),
        ("/api/v3/ping", ("ping", "/api/v3/depth", {})),
        ("/fapi/v1/time", ("time", "/fapi/v1/depth", {})),
        ("/dapi/v1/depth?symbol=", ("depth", "/dapi/v1/depth", {"symbol": ""})),
        ("/eapi/v1/exchangeInfo", ("exchangeInfo", "/eapi/v1/depth", {})),
        ("/api/v1/depth", None),
        ("/api/v3/order", None),
        ("/depth", None),
        ("/", None),
    ],
)
def test_what_a_rest_path_says(path, expected):
    assert rest_path(path) == expected


@given(st.text(st.characters(codec="ascii"), max_size=30))
@example("/[")
@example("//[")
def test_no_path_is_an_error(text):
    for path in (text, f"/{text}", f"/api/v3/depth?symbol={text}"):
        rest_path(path)
