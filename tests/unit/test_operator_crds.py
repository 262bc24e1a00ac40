"""The CRD goes forward only, and an older one is recognised by what it lacks."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest
from kubernetes import client

import logpipeline
from logpipeline.errors import LogPipelineError
from logpipeline_operator import crds
from logpipeline_operator.crd_versions import VERSION_LABEL, newer, stale


def crd(**spec: Any) -> dict[str, Any]:
    """A CRD whose one version has `spec` as the properties of its spec."""
    schema = {"type": "object", "properties": {"spec": {"type": "object", "properties": spec}}}
    version = {"name": "v1", "served": True, "schema": {"openAPIV3Schema": schema}, "subresources": {"status": {}}}
    return {"metadata": {"name": "things.example.com", "labels": {}}, "spec": {"versions": [version]}}


TEXT = {"type": "string"}
WANTED = crd(
    size=TEXT,
    cpu={"x-kubernetes-int-or-string": True},
    level={"type": "string", "enum": ["low", "high"]},
    goals={"type": "array", "items": {"type": "object", "properties": {"name": TEXT}}},
    config={"type": "object", "additionalProperties": TEXT},
    affinity={"type": "object", "x-kubernetes-preserve-unknown-fields": True},
)


def spec_of(document: dict[str, Any]) -> dict[str, Any]:
    schema = document["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    return schema["properties"]["spec"]["properties"]


@pytest.mark.parametrize(
    ("edit", "faults"),
    [
        (copy.copy, []),
        (lambda live: spec_of(live).update(future=TEXT), []),
        (lambda live: spec_of(live)["level"]["enum"].append("middle"), []),
        (lambda live: spec_of(live)["level"].pop("enum"), []),
        (lambda live: spec_of(live).pop("size"), ["v1: spec.size is missing"]),
        (lambda live: spec_of(live)["level"]["enum"].remove("high"), ["v1: spec.level does not allow 'high'"]),
        (lambda live: spec_of(live)["goals"]["items"]["properties"].clear(), ["v1: spec.goals[].name is missing"]),
        (lambda live: spec_of(live).update(size={"type": "integer"}), ["v1: spec.size is of type integer, not string"]),
        (
            lambda live: spec_of(live)["config"].pop("additionalProperties"),
            ["v1: spec.config{} is of type unknown, not string"],
        ),
        (lambda live: spec_of(live)["affinity"].clear(), ["v1: spec.affinity is of type unknown, not object"]),
        (
            lambda live: spec_of(live)["affinity"].pop("x-kubernetes-preserve-unknown-fields"),
            ["v1: spec.affinity does not keep unknown fields"],
        ),
        (
            lambda live: spec_of(live).update(cpu=TEXT),
            ["v1: spec.cpu is of type string, not integer or string"],
        ),
        (lambda live: live["spec"]["versions"][0].pop("subresources"), ["v1: subresource status is missing"]),
        (lambda live: live["spec"]["versions"][0].update(served=False), ["version v1 is not served"]),
    ],
)
def test_stale_names_what_is_missing(edit: Callable[[dict[str, Any]], object], faults: list[str]) -> None:
    live = copy.deepcopy(WANTED)
    edit(live)
    assert stale(live, WANTED) == faults


def test_the_crd_of_this_version_is_not_stale_against_itself() -> None:
    assert stale(crds.wanted(), crds.wanted()) == []


@pytest.mark.parametrize(
    ("live", "ours", "expected"),
    [
        ("0.2.0", "0.1.0", True),
        ("0.10.0", "0.9.1", True),
        ("0.1.0", "0.1.0", False),
        ("0.1.0", "0.1.1", False),
        (None, "0.1.0", False),
    ],
)
def test_newer_compares_releases(live: str | None, ours: str, expected: bool) -> None:
    documents = [crd(), crd()]
    for document, version in zip(documents, (live, ours), strict=True):
        document["metadata"]["labels"] = {VERSION_LABEL: version} if version else {}
    assert newer(*documents) is expected


class Cluster:
    """The two calls that are made, over one CRD in memory; a refusal in place of an answer when it is told so."""

    def __init__(self, live: dict[str, Any] | None = None, refusal: client.ApiException | None = None) -> None:
        self.live = live
        self.refusal = refusal
        self.later: dict[str, Any] | None = None
        self.forbidden = False
        self.applied = 0

    def get_cluster_custom_object(self, *_: str, **__: Any) -> dict[str, Any]:
        if self.forbidden:
            raise refused(403, json.dumps({"message": "crds is forbidden"}))
        if self.live is None:
            raise client.ApiException(status=404)
        answer, self.live = self.live, self.later or self.live
        return answer

    def patch_cluster_custom_object(self, *arguments: Any, **_: Any) -> None:
        if self.refusal:
            raise self.refusal
        self.applied += 1
        served = [{"type": kind, "status": "True"} for kind in ("NamesAccepted", "Established")]
        self.live = {**arguments[-1], "status": {"conditions": None}}
        self.later = {**arguments[-1], "status": {"conditions": served}}


def refused(status: int, body: str | None, reason: str = "") -> client.ApiException:
    error = client.ApiException(status=status, reason=reason)
    error.body = body
    return error


def test_a_missing_crd_is_applied() -> None:
    cluster = Cluster()
    assert crds.apply(cluster, crds.wanted()) == "logpipelines.logpipeline.dev is applied and served"
    assert cluster.live["metadata"]["labels"][VERSION_LABEL] == logpipeline.__version__


def test_a_newer_crd_is_left_alone() -> None:
    live = crds.wanted()
    live["metadata"]["labels"][VERSION_LABEL] = "99.0"
    cluster = Cluster(live)
    assert "of version 99.0, newer than" in crds.apply(cluster, crds.wanted())
    assert cluster.applied == 0


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (
            refused(403, json.dumps({"message": "crds is forbidden"})),
            "crds is forbidden; the right to get, create and patch",
        ),
        (
            refused(422, json.dumps({"message": "spec.versions: Invalid"})),
            "cannot apply logpipelines.logpipeline.dev: spec.versions: Invalid",
        ),
        (refused(503, "<html>", "Service Unavailable"), "HTTP 503 Service Unavailable"),
        (refused(502, None, "Bad Gateway"), "HTTP 502 Bad Gateway"),
    ],
)
def test_a_refusal_is_one_clear_line(error: client.ApiException, said: str) -> None:
    with pytest.raises(LogPipelineError) as failure:
        crds.apply(Cluster(refusal=error), crds.wanted())
    assert said in failure.value.message


def test_a_crd_that_is_never_served_says_why() -> None:
    cluster = Cluster()
    cluster.patch_cluster_custom_object = lambda *arguments, **_: setattr(
        cluster,
        "live",
        {
            **arguments[-1],
            "status": {"conditions": [{"type": "NamesAccepted", "status": "False", "message": "lpl is in use"}]},
        },
    )
    with pytest.raises(LogPipelineError, match="not served after 0 s: NamesAccepted is False: lpl is in use"):
        crds.apply(cluster, crds.wanted(), timeout_seconds=0)


@pytest.mark.parametrize(
    ("live", "said"),
    [
        (None, "is not on the cluster; apply it"),
        (crd(), "is older than this operator: version v1alpha1 is not served; apply it"),
    ],
)
def test_an_operator_does_not_start_with_less_than_it_needs(live: dict[str, Any] | None, said: str) -> None:
    with pytest.raises(LogPipelineError, match=said):
        crds.check(Cluster(live))


def test_a_long_list_of_faults_is_cut() -> None:
    live = crds.wanted()
    spec_of(live).clear()
    with pytest.raises(LogPipelineError, match=r"spec\.suspend is missing.*and \d more; apply it"):
        crds.check(Cluster(live))


def test_an_operator_starts_without_the_check_when_it_may_not_read_the_crd() -> None:
    cluster = Cluster()
    cluster.forbidden = True
    crds.check(cluster)
