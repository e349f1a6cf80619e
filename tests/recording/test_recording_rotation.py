import pytest

from depthactors.errors import UsageError
from depthactors.recording.rotation import Rotation
from tests.support import table


@table(
    ("text", "rotation", "words"),
    [
        ("30s", Rotation(seconds=30), "30 s"),
        ("15m", Rotation(seconds=900), "900 s"),
        (" 1h ", Rotation(seconds=3600), "3600 s"),
        ("1d", Rotation(seconds=86_400), "86400 s"),
        ("500 MB", Rotation(size=500_000_000), "500,000,000 bytes"),
        ("100kB", Rotation(size=100_000), "100,000 bytes"),
        ("2GB", Rotation(size=2_000_000_000), "2,000,000,000 bytes"),
    ],
)
def test_a_time_or_a_size_has_a_unit(text, rotation, words):
    assert Rotation.parse(text) == rotation
    assert str(rotation) == words


@table("text", ["", "1", "h", "0h", "-1h", "1.5h", "1H", "1w", "500mb", "500M", "99kB", "9s", "1h 500MB", None, 3600])
def test_what_is_neither_is_refused_with_its_value(text):
    with pytest.raises(UsageError, match=r"expected a (time like|rotation after)"):
        Rotation.parse(text)


@table("limits", [{"seconds": 9.9}, {"seconds": float("nan")}, {"seconds": True}, {"size": 99_999}, {"size": "1"}])
def test_limits_that_are_too_low_are_refused(limits):
    with pytest.raises(UsageError, match="expected a rotation after at least"):
        Rotation(**limits)


def test_the_first_of_both_limits_counts():
    both = Rotation(seconds=10, size=100_000)
    assert [both.is_due(*now) for now in ((9.9, 99_999), (10, 0), (0, 100_000))] == [False, True, True]
    assert not Rotation().is_due(1e12, 10**15)
    assert (str(both), str(Rotation())) == ("10 s or 100,000 bytes", "never")
