"""Secrets that the operator generates: once, and never written again."""

from __future__ import annotations

import base64
import copy
from typing import Any

from desired_samples import EVERYTHING, UID, a_resource
from logpipeline_operator.cluster.client import ApiError, Client
from logpipeline_operator.secrets import Secrets

PIPELINE = a_resource(EVERYTHING)
NAMES = ["web-connect-rest", "web-goals-spark"]


class Cluster(Client):
    """An API server that holds Secrets alone; `refuses` is its answer to a POST."""

    def __init__(self) -> None:
        self.secrets: dict[str, Any] = {}
        self.created: list[str] = []
        self.refuses: ApiError | None = None

    def secret(self, namespace: str, name: str) -> dict[str, Any] | None:
        assert namespace == "logs"
        return copy.deepcopy(self.secrets.get(name))

    def create_secret(self, document: dict[str, Any]) -> None:
        if self.refuses is not None:
            raise self.refuses
        name = document["metadata"]["name"]
        self.created.append(name)
        self.secrets.setdefault(name, document)


def secrets_of(cluster: Cluster) -> Secrets:
    return Secrets(cluster, clock=lambda: 0.0)


def test_they_are_generated_once_and_each_at_random() -> None:
    cluster = Cluster()
    secrets = secrets_of(cluster)
    for _ in range(3):
        assert secrets.generate(PIPELINE) == []
    assert cluster.created == NAMES
    known = secrets.of(PIPELINE).found["web-connect-rest"].values
    assert known["users.properties"] == f"{known['username']}={known['password']}"
    assert len(base64.urlsafe_b64decode(known["password"] + "=")) == 32
    # Nor does an operator that has just started write them.
    assert secrets_of(cluster).generate(PIPELINE) == []
    assert cluster.created == NAMES
    other = Cluster()
    secrets_of(other).generate(PIPELINE)
    assert other.secrets["web-connect-rest"]["data"] != cluster.secrets["web-connect-rest"]["data"]


def test_they_go_with_the_pipeline() -> None:
    cluster = Cluster()
    secrets_of(cluster).generate(PIPELINE)
    for secret in cluster.secrets.values():
        assert [owner["uid"] for owner in secret["metadata"]["ownerReferences"]] == [UID]
        assert secret["immutable"]


def test_one_that_was_deleted_is_generated_again() -> None:
    cluster, now = Cluster(), [0.0]
    secrets = Secrets(cluster, clock=lambda: now[0])
    secrets.generate(PIPELINE)
    secrets.of(PIPELINE)
    before = cluster.secrets.pop("web-connect-rest")
    now[0] = 60.0
    assert secrets.generate(PIPELINE) == []
    assert cluster.secrets["web-connect-rest"]["data"] != before["data"]


def test_anothers_secret_in_its_place_is_told_and_left_alone() -> None:
    cluster = Cluster()
    theirs = {"metadata": {"name": "web-connect-rest"}, "data": {"users.properties": ""}}
    cluster.secrets["web-connect-rest"] = theirs
    (failure,) = secrets_of(cluster).generate(PIPELINE)
    assert failure.message == (
        "the Secret 'web-connect-rest' has no password and no username and no users.properties; delete the Secret, and "
        "the operator generates it"
    )
    assert cluster.secrets["web-connect-rest"] == theirs


def test_what_the_api_server_refuses_is_a_failure_of_the_pass() -> None:
    cluster = Cluster()
    cluster.refuses = ApiError(403, "Forbidden", "secrets is forbidden")
    assert [failure.message for failure in secrets_of(cluster).generate(PIPELINE)] == ["secrets is forbidden"] * 2


def test_a_pipeline_without_sink_and_executors_needs_none() -> None:
    cluster = Cluster()
    plain = {**EVERYTHING, "sink": None, "spark": {}}
    assert secrets_of(cluster).generate(a_resource(plain)) == []
    assert cluster.created == []
