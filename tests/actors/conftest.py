"""Actors that all end with the test, a server of streams, and a book among actors that only record."""

from contextlib import closing

import pytest

from tests.actors.actor_support import Actors, BookScene, FakeStreams


@pytest.fixture
def actors(dispatcher):
    with Actors(dispatcher) as actors:
        yield actors


@pytest.fixture
def server():
    with closing(FakeStreams()) as server:
        yield server


@pytest.fixture
def scene(actors):
    return BookScene(actors)


@pytest.fixture
def live(scene):
    scene.go_live()
    return scene
