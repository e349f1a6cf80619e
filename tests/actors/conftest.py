"""Actors that all end with the test, and a book among actors that only record."""

import pytest

from tests.actors.actor_support import Actors, BookScene


@pytest.fixture
def actors(dispatcher):
    with Actors(dispatcher) as actors:
        yield actors


@pytest.fixture
def scene(actors):
    return BookScene(actors)


@pytest.fixture
def live(scene):
    scene.go_live()
    return scene
