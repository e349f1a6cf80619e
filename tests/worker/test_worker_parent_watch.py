"""The watch of a worker: it ends the worker once, when its parent or its supervisor is gone."""

import threading

import pytest

from depthactors.worker.parent_watch import ParentWatch

PATIENCE = 10.0


class Scene:
    def __init__(self):
        self.is_alive, self.ended = True, threading.Event()
        self.looked = threading.Semaphore(0)
        self.watch = ParentWatch(0.001, self._look, self.ended.set)

    def _look(self):
        self.looked.release()
        return self.is_alive


@pytest.fixture
def scene():
    scene = Scene()
    yield scene
    scene.watch.stop()
    scene.watch._thread.join(PATIENCE)
    assert not scene.watch._thread.is_alive()


def test_as_long_as_both_are_alive_it_goes_on(scene):
    scene.watch.start()
    for _ in range(10):
        assert scene.looked.acquire(timeout=PATIENCE)
    assert not scene.ended.is_set()
    assert not scene.watch.is_orphan


def test_without_a_supervisor_the_worker_ends(scene):
    scene.watch.start()
    scene.is_alive = False
    assert scene.ended.wait(PATIENCE)


def test_an_orphan_ends(scene):
    # As if another process had been its parent.
    scene.watch._parent = -1
    scene.watch.start()
    assert scene.ended.wait(PATIENCE)
    assert scene.watch.is_orphan
