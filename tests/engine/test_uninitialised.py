"""A subclass that forgets its base class is told so, and not by the name of a private attribute alone."""

import pytest

from depthactors import DepthCacheManager, DepthEngine
from depthactors.errors import UsageError
from tests.support import table


class Engine(DepthEngine):
    def __init__(self):
        assert not hasattr(self, "anything")


class Manager(DepthCacheManager):
    def __init__(self):
        assert not hasattr(self, "anything")


@table(
    "call",
    [
        lambda: Engine().subscribe("BTCUSDT"),
        lambda: Engine().start(),
        lambda: Engine().stop(),
        lambda: Engine().books(),
        lambda: Engine()["BTCUSDT"],
        lambda: Engine().rebalance(),
        lambda: Engine().wait_live(),
        lambda: Manager().__enter__(),
        lambda: Manager().recv(),
        lambda: Manager().get_depth_cache(),
        lambda: Manager().get_symbol(),
        lambda: Manager().close(),
    ],
)
def test_a_subclass_without_a_call_of_its_base_class_is_a_usage_error(call):
    with pytest.raises(UsageError, match=r"expected (Engine|Manager)\.__init__ to call super\(\)\.__init__\(\) first"):
        call()


def test_any_other_missing_name_is_an_attribute_error():
    for instance in (DepthEngine(), DepthCacheManager(symbol="BTCUSDT")):
        with pytest.raises(AttributeError, match=f"'{type(instance).__name__}' object has no attribute 'nothing'"):
            instance.nothing  # noqa: B018
