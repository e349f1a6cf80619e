"""A name of its own for each test that shares books, and proof that nothing of it is left in the shared memory."""

import os
import shutil
from itertools import count

import pytest

from depthactors.sharing import folder
from depthactors.sharing.place import folder_of
from tests.sharing.publisher import Program, Publisher

_numbers = count()


@pytest.fixture
def name():
    name = f"test-{os.getpid()}-{next(_numbers)}"
    yield name
    # As the next engine would: what was killed is removed.
    folder._sweep()
    left = folder_of(name).exists()
    shutil.rmtree(folder_of(name), ignore_errors=True)
    assert not left, f"expected nothing left of the engine {name}, was {folder_of(name)}"


@pytest.fixture
def publisher(name):
    """Books that this very process shares."""
    publisher = Publisher(name)
    publisher.open()
    yield publisher
    publisher.close()


@pytest.fixture
def program(name):
    """Books that another process shares."""
    with Program(name) as program:
        yield program
