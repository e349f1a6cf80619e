"""After a supervisor's death its books have failed and no child of it goes on; after a stop nothing is done."""

import pytest

from depthactors.actors.base import EngineActor
from depthactors.actors.watch import Watch
from depthactors.dispatcher.mailbox import mailbox_of
from depthactors.errors import SupervisorDiedError
from tests.actors.actor_support import join
from tests.support import Recorder


class Root(EngineActor):
    """Stands for a supervisor: it records the error with which its books are failed, and may raise then."""

    def __init__(self, dispatcher, given_up, failure):
        super().__init__("supervisor", None, dispatcher)
        self.mailbox.root = self
        self._given_up, self._failure = given_up, failure

    def handle(self, message):
        raise message

    def give_up(self, error):
        self._given_up(error)
        if self._failure is not None:
            raise self._failure


class Scene:
    def __init__(self, actors, *, wanted=True, failure=None):
        self.given_up, self.died = Recorder(), Recorder()
        self.supervisor = actors.start(Root, actors.dispatcher, self.given_up, failure)
        self.children = [
            actors.start(EngineActor, f"child-{number}", self.supervisor, actors.dispatcher) for number in range(2)
        ]
        Watch(self.supervisor, lambda: wanted, self.died)

    def kill(self):
        self.supervisor.tell(ZeroDivisionError("a bug"))
        join(self.supervisor)


@pytest.mark.parametrize("failure", [None, ValueError("another bug")], ids=["failed", "which fails"])
def test_the_books_are_failed_and_the_children_stopped_before_the_death_is_told(actors, failure):
    scene = Scene(actors, failure=failure)
    scene.kill()
    error = scene.died.wait_one()
    assert type(error) is SupervisorDiedError
    assert str(error) == "the supervisor died: ZeroDivisionError: a bug"
    assert scene.given_up.seen == [error]
    for child in scene.children:
        join(child)
    assert mailbox_of(scene.supervisor).children == {}


def test_a_supervisor_that_something_else_stopped_is_missed_too(actors):
    scene = Scene(actors)
    scene.supervisor.stop(timeout=5)
    assert "stopped by another part of the program" in str(scene.died.wait_one())
    for child in scene.children:
        join(child)


def test_nothing_is_done_after_a_stop_that_was_wanted(actors):
    scene = Scene(actors, wanted=False)
    scene.kill()
    assert (scene.given_up.seen, scene.died.seen) == ([], [])
    assert all(child.is_alive() for child in scene.children)
