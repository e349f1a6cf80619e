"""Actors that all end with the test, and a book among actors that only record."""

import pytest
from actor_support import Actors, BookScene

from depthactors.actors import asking


@pytest.fixture
def actors():
    with Actors() as actors:
        yield actors


@pytest.fixture
def scene(actors, quick_snapshots):
    return BookScene(actors)


@pytest.fixture
def live(scene):
    scene.go_live()
    return scene


@pytest.fixture
def quick_snapshots(monkeypatch):
    """Most scenes begin without a diff, and need not wait for one as long as programs do."""
    monkeypatch.setattr(asking, "_PATIENCE", 0.02)
