"""JSON of any kind, and depth events, for the tests of `wire`."""

from hypothesis import strategies as st

SPOT_DIFF = {"e": "depthUpdate", "E": 1000, "s": "BTCUSDT", "U": 5, "u": 7, "b": [["10.5", "1"]], "a": [["11", "0"]]}
CHAINED_DIFF = SPOT_DIFF | {"pu": 3}

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=12,
)
NUMERAL = st.from_regex(r"\A[0-9]{1,12}(\.[0-9]{0,12})?\Z") | st.sampled_from(["nan", "inf", "-1", "1e400", "x", ""])
LEVELS = JSON | st.lists(st.lists(NUMERAL | JSON, min_size=1, max_size=3) | JSON, max_size=4)
