from depthactors.exchange.weights import WeightCounter


def test_counts_a_pool_and_clock_minute():
    counter = WeightCounter()
    assert counter.charge("spot", 50, 120.0) == 50
    assert counter.charge("spot", 5, 179.9) == 55
    assert counter.charge("futures", 20, 179.9) == 20
    assert counter.charge("spot", 5, 180.0) == 5
