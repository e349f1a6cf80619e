"""The hosts of a pool: one that fails makes the others wait for nothing, and says why."""

from depthactors.actors.hosts import Hosts
from depthactors.errors import SnapshotError
from depthactors.pacing import USUAL
from depthactors.pacing.host_pace import PATIENCE

BAD, WELL = "https://bad", "https://well"
NO = SnapshotError("502")


def test_a_host_that_fails_is_closed_for_a_while_with_its_reason_and_alone():
    hosts = Hosts(USUAL.host_backoff)
    outcomes = [hosts.failed(BAD, NO, now=0.0, uniform=0.0) for _ in range(PATIENCE)]
    assert outcomes == [False] * (PATIENCE - 1) + [True]
    assert (hosts.left(BAD, 0.0) > 0, hosts.why_not(BAD, 0.0)) == (True, NO)
    assert (hosts.left(WELL, 0.0), hosts.why_not(WELL, 0.0)) == (0.0, None)
    later = hosts.left(BAD, 0.0)
    assert (hosts.left(BAD, later), hosts.why_not(BAD, later)) == (0.0, None)
    hosts.sent(BAD, later)
    assert hosts.why_not(BAD, later) is NO, "one at a time"
    hosts.answered(BAD)
    assert (hosts.left(BAD, later), hosts.why_not(BAD, later)) == (0.0, None)
