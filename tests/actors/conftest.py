"""Actors that all end with the test, and a book among actors that only record."""

import pytest

from depthactors.actors import snapshot_requests
from tests.actors.actor_support import Actors, BookScene


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
    monkeypatch.setattr(snapshot_requests, "_PATIENCE", 0.02)
