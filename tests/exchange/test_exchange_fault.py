from dataclasses import FrozenInstanceError

import pytest
from hypothesis import given
from hypothesis import strategies as st

from depthactors.errors import UsageError
from depthactors.exchange import KINDS, Fault
from depthactors.exchange.fault import Place
from tests.support import table

WHOLE = st.integers(1, 40)


def due(fault, occasions, draw=0.0):
    return [number for number in range(1, occasions + 1) if fault.is_due(number, draw)]


def test_every_kind_says_where_it_strikes_and_what_it_does():
    for kind, (place, text) in KINDS.items():
        assert isinstance(place, Place)
        assert text
        assert Fault(kind).place is place


def test_each_place_has_a_kind():
    assert {place for place, _ in KINDS.values()} == set(Place)


def test_without_every_and_chance_it_strikes_at_most_once():
    assert Fault("drop").most == 1
    assert Fault("drop", at=7).most == 1
    assert Fault("drop", every=3).most is None
    assert Fault("drop", chance=0.5).most is None


@given(WHOLE, st.none() | WHOLE, st.none() | WHOLE)
def test_count_is_the_most_strikes_whatever_else_is_given(count, at, every):
    assert Fault("drop", at=at, every=every, count=count).most == count


@given(WHOLE)
def test_at_is_the_first_occasion_that_it_may_strike(at):
    assert due(Fault("drop", at=at), 40)[:1] == [at]
    assert due(Fault("drop", at=at, chance=0.5), 40) == list(range(at, 41))


@given(WHOLE)
def test_every_alone_begins_at_the_everyth_occasion(every):
    assert due(Fault("drop", every=every), 100) == list(range(every, 101, every))


@given(WHOLE, WHOLE)
def test_every_with_at_strikes_there_and_at_each_everyth_after_it(at, every):
    assert due(Fault("drop", at=at, every=every), 100) == list(range(at, 101, every))


@given(st.floats(0, 1, exclude_min=True), st.floats(0, 1, exclude_max=True))
def test_chance_strikes_as_the_draw_has_it(chance, draw):
    assert Fault("drop", chance=chance).is_due(1, draw) == (draw < chance)


def test_a_chance_of_one_is_certain():
    assert due(Fault("drop", chance=1.0), 5, draw=0.999_999) == [1, 2, 3, 4, 5]


def test_the_symbol_may_be_given_in_any_case():
    assert Fault("drop", symbol="btcUsdt").symbol == "BTCUSDT"


def test_a_fault_is_a_value():
    assert Fault("drop", every=3) == Fault("drop", every=3)
    with pytest.raises(FrozenInstanceError):
        Fault("drop").kind = "cut"


def test_an_unknown_kind_is_named_with_those_there_are():
    with pytest.raises(UsageError, match="'earthquake'") as caught:
        Fault("earthquake")
    assert all(kind in str(caught.value) for kind in KINDS)


@table("name", ["at", "every", "count"])
@table("value", [0, -1, 1.5, "3", True])
def test_a_count_that_is_none_is_refused_by_name_and_value(name, value):
    with pytest.raises(UsageError, match=f"{name} of drop.*{value!r}"):
        Fault("drop", **{name: value})


@table("chance", [0, -0.1, 1.01, float("nan"), float("inf")])
def test_a_chance_that_is_no_probability_is_refused_by_its_value(chance):
    with pytest.raises(UsageError, match=f"chance of cut.*{chance!r}"):
        Fault("cut", chance=chance)


@table("seconds", [-1.0, float("nan"), float("inf")])
def test_seconds_that_are_no_duration_are_refused_by_their_value(seconds):
    with pytest.raises(UsageError, match=f"seconds of delay.*{seconds!r}"):
        Fault("delay", seconds=seconds)


def test_no_duration_at_all_is_one():
    assert Fault("delay", seconds=0).seconds == 0


def test_every_and_chance_exclude_each_other():
    with pytest.raises(UsageError, match="either every or chance"):
        Fault("drop", every=2, chance=0.5)


@table("kind", [kind for kind, (place, _) in KINDS.items() if place is Place.CONNECT])
def test_a_connection_has_no_symbol(kind):
    with pytest.raises(UsageError, match=f"no symbol for {kind}.*'BTCUSDT'"):
        Fault(kind, symbol="BTCUSDT")


@table("symbol", ["", "BTC USDT", "btcusdt@depth", 5])
def test_a_symbol_that_is_none_is_named(symbol):
    with pytest.raises(UsageError, match=repr(symbol)):
        Fault("drop", symbol=symbol)


@table("kind", KINDS)
def test_a_bare_kind_is_read(kind):
    assert Fault.parse(kind) == Fault(kind)


def test_every_value_is_read():
    text = "drop:symbol=btcusdt,at=2,every=3,count=4,seed=5,seconds=1.5"
    assert Fault.parse(text) == Fault("drop", "BTCUSDT", at=2, every=3, count=4, seed=5, seconds=1.5)
    assert Fault.parse("500:chance=0.25") == Fault("500", chance=0.25)


@given(st.none() | WHOLE, st.none() | WHOLE, st.integers(), st.floats(0, 1e9))
def test_what_is_written_is_read_back(at, count, seed, seconds):
    fault = Fault("delay", at=at, count=count, seed=seed, seconds=seconds)
    values = {"at": at, "count": count, "seed": seed, "seconds": seconds}
    listed = ",".join(f"{name}={value!r}" for name, value in values.items() if value is not None)
    assert Fault.parse(f"delay:{listed}") == fault


@table(
    ("text", "named"),
    [
        ("", "''"),
        ("earthquake:every=3", "'earthquake'"),
        ("drop:often=3", "'drop:often=3'"),
        ("drop:every", "'drop:every'"),
        ("drop:kind=cut", "'drop:kind=cut'"),
        ("drop:every=x", "every, was 'x'"),
        ("drop:every=", "every, was ''"),
        ("drop:every=1.5", "every, was '1.5'"),
        ("drop:every=0", "every of drop.*was 0"),
        ("drop:count=-2", "count of drop.*was -2"),
        ("drop:chance=2", "chance of drop.*was 2.0"),
        ("drop:chance=much", "chance, was 'much'"),
        ("delay:seconds=-1", "seconds of delay.*was -1.0"),
        ("delay:seconds=soon", "seconds, was 'soon'"),
        ("drop:symbol=a@b", "'a@b'"),
        ("refuse:symbol=BTCUSDT", "'BTCUSDT'"),
    ],
)
def test_what_cannot_be_read_is_named(text, named):
    with pytest.raises(UsageError, match=named):
        Fault.parse(text)


@given(st.text(max_size=30) | st.builds("{}:{}={}".format, st.sampled_from(sorted(KINDS)), st.text(), st.text()))
def test_any_other_text_is_refused_as_a_usage_error(text):
    try:
        fault = Fault.parse(text)
    except UsageError:
        return
    assert fault.kind in KINDS
