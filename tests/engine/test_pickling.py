"""What has threads stays in its process, and says what another process can have."""

import copy
import pickle

import pytest

from depthactors import Client, DepthCacheManager, DepthEngine, ThreadedDepthCacheManager
from tests.support import table

READER = r"DepthReader\(name\)"


@table("copied", [pickle.dumps, copy.copy, copy.deepcopy])
def test_what_has_threads_is_not_pickled_and_says_what_to_do(dead_address, copied):
    with DepthEngine() as engine, ThreadedDepthCacheManager() as manager:
        for each, instead in (
            (engine, READER),
            (engine.subscribe("BTCUSDT"), READER),
            (manager, READER),
            (DepthCacheManager(Client(), "BTCUSDT"), r"recv\(\)"),
        ):
            with pytest.raises(TypeError, match=f"cannot pickle a {type(each).__name__}: its threads .*{instead}"):
                copied(each)
