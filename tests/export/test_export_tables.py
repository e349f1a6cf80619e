"""Rows of levels as Arrow tables: exact numbers, whatever their digits."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

pa = pytest.importorskip("pyarrow", reason="the extra `export` is not installed")

from depthactors.errors import MalformedFrameError
from depthactors.export.tables import Digits, LevelRows, Misfit, Spelling
from tests.support import table

COLUMNS = [("id", pa.int64())]
NUMBERS = st.decimals(0, 10**12, places=8, allow_nan=False).map(lambda number: f"{number:f}")
SIDES = st.lists(st.tuples(NUMBERS, NUMBERS).map(list), max_size=4)


def rows_of(*messages):
    rows = LevelRows(COLUMNS)
    for number, (bids, asks) in enumerate(messages):
        rows.add([number], bids, asks)
    return rows


@given(st.lists(st.tuples(SIDES, SIDES), max_size=4))
def test_every_number_is_exact(messages):
    rows = rows_of(*messages)
    expected = [
        {"id": number, "side": side, "price": Decimal(price), "quantity": Decimal(quantity)}
        for number, (bids, asks) in enumerate(messages)
        for side, levels in (("bid", bids), ("ask", asks))
        for price, quantity in levels
    ]
    assert rows.rows == len(expected)
    table = rows.take(rows.spelling(Spelling()))
    assert table.to_pylist() == expected
    assert rows.rows == 0


@table(
    ("texts", "digits", "type_"),
    [
        (["1.50", "20"], Digits(2, 2), pa.decimal128(18, 2)),
        (["0.00000001"], Digits(1, 8), pa.decimal128(18, 8)),
        (["12345678901.00000000"], Digits(11, 8), pa.decimal128(38, 8)),
        ([], Digits(1, 0), pa.decimal128(18, 0)),
    ],
)
def test_a_column_has_the_digits_of_its_numbers(texts, digits, type_):
    assert Digits().with_texts(texts) == digits
    assert digits.type == type_


def test_a_number_that_does_not_fit_says_what_it_needs_and_the_rows_are_kept():
    rows = rows_of(([["1.25", "1"]], []), ([], [["1.5", "1000000.5"]]))
    with pytest.raises(Misfit) as caught:
        rows.take(Spelling(Digits(1, 1), Digits(5, 0)))
    assert caught.value.spelling == Spelling(Digits(1, 2), Digits(7, 1))
    assert rows.rows == len(rows.take(caught.value.spelling)) == 2


def test_more_digits_than_a_decimal_has_are_refused():
    rows = rows_of(([["1", "1" * 31], ["1", "0." + "1" * 20]], []))
    with pytest.raises(MalformedFrameError, match="at most 38 digits"):
        rows.spelling(Spelling())


def test_a_negative_number_is_none():
    rows = LevelRows([("id", pa.int64()), ("time", pa.timestamp("ns", tz="UTC"))])
    rows.add([-1, 5], [["1", "1"]], [])
    table = rows.take(rows.spelling(Spelling()))
    assert table["id"].to_pylist() == [None]
    assert table["time"].cast(pa.int64()).to_pylist() == [5]
