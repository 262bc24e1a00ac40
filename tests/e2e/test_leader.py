"""Two replicas of the operator: the one that leads is killed, or cut off; the other takes over, and never do both act."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from installation import Operator
from kubectl import Namespace, run, wait_for
from pipelines_on_cluster import Pipeline, resource

DROP_PACKETS = Path(__file__).parents[1] / "cluster" / "drop-packets.sh"
LEASE = "logpipeline-operator"
LOST_THE_LEASE = 3


class Replicas:
    """A release with two replicas, and a suspended pipeline: it has objects and a status, and needs no pods."""

    def __init__(self, release: Namespace, logs: Namespace) -> None:
        self.release = release
        self.operator = Operator(release)
        self.pipeline = Pipeline(logs, resource("led", "client-rate", suspend=True))
        self._edits = itertools.count(1)

    def lease(self) -> dict[str, Any]:
        lease = self.release.get("leases", LEASE)
        assert lease is not None
        return lease["spec"]

    def pod(self, name: str) -> dict[str, Any]:
        pod = self.release.get("pods", name)
        assert pod is not None
        return pod

    def leader(self) -> dict[str, Any]:
        """The pod that leads, when the other is ready to take over."""
        self.release.kubectl("rollout", "status", f"deployment/{LEASE}", "--timeout=120s")
        return self.pod(self.lease()["holderIdentity"])

    def await_another(self, leader: str) -> dict[str, Any]:
        """Wait until another replica leads, and return its Lease."""
        wait_for("another leader", lambda: self.lease().get("holderIdentity") not in (None, "", leader), 60)
        return self.lease()

    def assert_reconciles(self) -> None:
        """Demand that an edit is taken note of."""
        self.pipeline.patch("/spec/source/maxFutureSkew", f"{next(self._edits)}m")
        self.pipeline.wait("Ready", "False", seconds=60)


@pytest.fixture(scope="module")
def replicas(new_namespace: Callable[[str], Namespace]) -> Iterator[Replicas]:
    replicas = Replicas(new_namespace("leader"), new_namespace("led"))
    replicas.operator.install("replicas=2", f"watchNamespaces={{{replicas.pipeline.namespace.name}}}")
    try:
        replicas.pipeline.apply()
        replicas.pipeline.wait("Ready", "False", seconds=60)
        yield replicas
    finally:
        replicas.operator.uninstall()


@contextmanager
def cut_off(pod: dict[str, Any]) -> Iterator[None]:
    """A pod of which no packet arrives anywhere. Its connections stay open, and nobody answers on them."""
    address = pod["status"]["podIP"]
    try:
        run(str(DROP_PACKETS), "on", address)
        yield
    finally:
        run(str(DROP_PACKETS), "off", address)


def test_another_replica_takes_over_from_one_that_is_killed(replicas: Replicas) -> None:
    leader = replicas.leader()["metadata"]["name"]
    replicas.release.delete("pod", leader, "--grace-period=0", "--force")
    replicas.await_another(leader)
    replicas.assert_reconciles()


def test_one_that_is_cut_off_has_ended_before_another_takes_over(replicas: Replicas) -> None:
    pod = replicas.leader()
    leader = pod["metadata"]["name"]

    def ended() -> dict[str, Any] | None:
        # The kubelet, which tells this, is not cut off.
        states = [
            status[state]["terminated"]
            for status in replicas.pod(leader)["status"]["containerStatuses"]
            for state in ("state", "lastState")
            if "terminated" in status.get(state, {})
        ]
        return next((state for state in states if state["exitCode"] == LOST_THE_LEASE), None)

    with cut_off(pod):
        end = wait_for("the leader that is cut off to exit", ended, 60)
        lease = replicas.await_another(leader)
        # Both by the clock of the node.
        finished, acquired = (datetime.fromisoformat(text) for text in (end["finishedAt"], lease["acquireTime"]))
        assert finished <= acquired
        replicas.assert_reconciles()
