"""An exchange's market, a folder for slots, and a worker in a thread."""

import pytest

from depthactors.engine.environment import resolve
from tests.shards.shard_support import open_folder, worker_in_thread


@pytest.fixture
def market(exchange):
    return resolve("spot")


@pytest.fixture
def folder():
    with open_folder() as folder:
        yield folder


@pytest.fixture
def worker(folder):
    with worker_in_thread(folder) as end:
        yield end
