"""Updates a second: the mean of the last seconds."""

from depthactors.cli.rate import Rate


def test_a_rate_is_known_after_a_second_and_follows_the_count():
    rate = Rate()
    assert rate.take(0.0, 100) is None
    assert rate.take(0.5, 105) is None
    for second in range(1, 5):
        assert rate.take(float(second), 100 + 10 * second) == 10
    for second in range(5, 15):
        latest = rate.take(float(second), 140)
    assert latest == 0


def test_looking_often_keeps_few_counts():
    rate = Rate()
    for step in range(1_000):
        assert rate.take(step / 10, step) in {None, 10.0}
    assert len(rate._counts) < 10


def test_a_count_that_begins_anew_gives_no_rate_below_zero():
    rate = Rate()
    rate.take(0.0, 100)
    assert rate.take(1.0, 110) == 10
    assert rate.take(2.0, 3) is None
    assert rate.take(3.0, 8) == 5
