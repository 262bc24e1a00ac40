"""The CRD on a real API server: every rule accepts and refuses, and what is stored means what the models read."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from kubernetes import client, config

from crd_examples import ACCEPTED, RULES, SCHEMA, Changes, resource
from kubectl import Namespace, environment, kubectl, wait_for
from logpipeline.acceptance import accept
from logpipeline.api import load, parse
from logpipeline.api.resource import GROUP, VERSION
from logpipeline.api.status import Condition, GoalStatus, SinkStatus, Status
from logpipeline_operator import crds

SAMPLES = Path(__file__).parents[2] / "manifests" / "samples"


class Pipelines:
    """LogPipelines of one namespace; a refusal is told by its words."""

    def __init__(self, api: client.CustomObjectsApi, namespace: str) -> None:
        self._api, self._where = api, (GROUP, VERSION, namespace, "logpipelines")

    def create(self, document: dict[str, Any], *, dry_run: bool = False) -> Any:
        how = {"dry_run": "All"} if dry_run else {}
        return self._api.create_namespaced_custom_object(*self._where, document, field_validation="Strict", **how)

    def replace(self, document: dict[str, Any]) -> Any:
        name = document["metadata"]["name"]
        return self._api.replace_namespaced_custom_object(*self._where, name, document, dry_run="All")

    def write_status(self, name: str, status: dict[str, Any]) -> Any:
        return self._api.patch_namespaced_custom_object_status(*self._where, name, {"status": status})


def refusal(write: Callable[[], Any]) -> str:
    """What the API server says against a write, which it has to refuse."""
    with pytest.raises(client.ApiException) as error:
        write()
    assert error.value.status in (400, 422), error.value
    return str(json.loads(error.value.body)["message"])


@pytest.fixture(scope="module")
def api(cluster: None) -> Iterator[client.ApiClient]:
    with config.new_client_from_config(environment()["KUBECONFIG"]) as connection:
        crds.apply(client.CustomObjectsApi(connection), crds.wanted())
        yield connection


@pytest.fixture(scope="module")
def namespace(new_namespace: Callable[[str], Namespace]) -> Namespace:
    return new_namespace("crd")


@pytest.fixture(scope="module")
def pipelines(api: client.ApiClient, namespace: Namespace) -> Pipelines:
    return Pipelines(client.CustomObjectsApi(api), namespace.name)


def named(*changes: Changes) -> dict[str, Any]:
    """A resource with changes, under a name that no other test has."""
    return resource({"metadata.name": f"p-{uuid.uuid4().hex[:8]}"}, *changes)


@pytest.mark.parametrize("name", [name for name, example in RULES.items() if example.before is None])
def test_a_rule_of_a_resource(pipelines: Pipelines, name: str) -> None:
    example = RULES[name]
    pipelines.create(resource(example.accepted), dry_run=True)
    assert example.says in refusal(lambda: pipelines.create(resource(example.refused), dry_run=True))


@pytest.mark.parametrize("name", [name for name, example in RULES.items() if example.before is not None])
def test_a_rule_of_a_change(pipelines: Pipelines, name: str) -> None:
    example = RULES[name]
    assert example.before is not None
    stored = named(example.before)
    head = pipelines.create(stored)["metadata"]

    def edited(changes: Changes) -> dict[str, Any]:
        identity = {key: head[key] for key in ("name", "resourceVersion")}
        return {**resource(example.before or {}, changes), "metadata": identity}

    pipelines.replace(edited(example.accepted))
    assert example.says in refusal(lambda: pipelines.replace(edited(example.refused)))


@pytest.mark.parametrize("name", SCHEMA)
def test_the_schema(pipelines: Pipelines, name: str) -> None:
    changes, says = SCHEMA[name]
    assert says in refusal(lambda: pipelines.create(resource(changes), dry_run=True))


@pytest.mark.parametrize("name", ACCEPTED)
def test_what_the_schema_accepts(pipelines: Pipelines, name: str) -> None:
    """What is stored then means what the models make of the same document."""
    stored = pipelines.create(resource(ACCEPTED[name]), dry_run=True)
    assert parse(stored).spec == parse(resource(ACCEPTED[name])).spec


def test_every_fault_is_told_at_once(pipelines: Pipelines) -> None:
    bad = resource(
        {"kafka.external": {"bootstrapServers": "k"}, "goals.0.window.slide": "3s", "source.fields": {"ip": "a"}}
    )
    words = refusal(lambda: pipelines.create(bad, dry_run=True))
    for path in (
        "spec.kafka:",
        "spec.kafka.external.bootstrapServers:",
        "spec.goals[0].window.slide:",
        "spec.source.fields:",
    ):
        assert path in words


@pytest.mark.parametrize("path", sorted(SAMPLES.glob("*.yaml")), ids=lambda path: path.name)
def test_what_is_stored_means_what_was_written(pipelines: Pipelines, path: Path) -> None:
    """The API server fills in the same defaults as the models."""
    stored = pipelines.create(yaml.safe_load(path.read_text()), dry_run=True)
    assert parse(stored).spec == load(path).spec


def test_pod_settings_are_stored_as_they_are(pipelines: Pipelines) -> None:
    pod = {
        "labels": {"team": "web"},
        "tolerations": [{"key": "spot", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 30}],
        "affinity": {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [{"topologyKey": "zone"}]}},
    }
    stored = pipelines.create(named({"spark.pod": pod}), dry_run=True)
    assert stored["spec"]["spark"]["pod"] == pod


def test_the_status_is_stored_as_it_is(pipelines: Pipelines, namespace: Namespace) -> None:
    document = named()
    stored = pipelines.create(document)
    pipeline = parse(stored)
    now = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    (running,) = accept(pipeline, {}).running.values()
    goal = GoalStatus(
        name="a", state="running", lag=0, records_per_second=199.5, batch=7, last_batch_time=now, offsets={"0": 2**40},
        checkpoint="file:///checkpoint/a", state_version=1, rule=running.rule, restarts=0,
    )  # fmt: skip
    conditions = [
        Condition(type=kind, status="True", reason=reason, message="", last_transition_time=now, observed_generation=1)
        for kind, reason in (("Ready", "AllReady"), ("FlowHealthy", "Healthy"))
    ]
    status = Status(
        observed_generation=1, conditions=conditions, goals=[goal], goals_ready="1/1", lag=0, rate="200/s", records=9,
        sink=SinkStatus(connector="RUNNING", tasks="2/2", indexed=9, dead_letters=0),
    )  # fmt: skip
    written = pipelines.write_status(stored["metadata"]["name"], status.document())["status"]
    assert written == status.document()
    assert Status.model_validate(written) == status
    shown = kubectl("--namespace", namespace.name, "get", "lpl", stored["metadata"]["name"]).splitlines()
    assert shown[0].split() == ["NAME", "READY", "FLOW", "GOALS", "LAG", "RATE", "AGE"]
    assert shown[1].split()[1:6] == ["True", "Healthy", "1/1", "0", "200/s"]


def test_a_key_that_is_refused_now_may_stay_where_it_is_stored(pipelines: Pipelines, api: client.ApiClient) -> None:
    """The rule stands at the list that it reads, so that the API server ratchets it: other edits pass."""
    crd = crds.wanted()
    schema = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    goal = schema["properties"]["spec"]["properties"]["goals"]["items"]["properties"]
    del goal["groupBy"]["x-kubernetes-validations"]
    cluster = client.CustomObjectsApi(api)
    crds.apply(cluster, crd)
    before = named({"goals.0.groupBy": ["count"]})
    try:
        wait_for("the older CRD to be served", lambda: _is_accepted(pipelines, before), 30)
        stored = pipelines.create(before)
    finally:
        crds.apply(cluster, crds.wanted())
    wait_for(
        "the newer CRD to be served", lambda: not _is_accepted(pipelines, named({"goals.0.groupBy": ["count"]})), 30
    )
    identity = {key: stored["metadata"][key] for key in ("name", "resourceVersion")}
    pipelines.replace({**resource({"goals.0.groupBy": ["count"], "suspend": True}), "metadata": identity})
    edited = {**resource({"goals.0.groupBy": ["goal"]}), "metadata": identity}
    assert "a result has a field of this name itself" in refusal(lambda: pipelines.replace(edited))


def _is_accepted(pipelines: Pipelines, document: dict[str, Any]) -> bool:
    try:
        pipelines.create(document, dry_run=True)
    except client.ApiException:
        return False
    return True


def test_an_unknown_condition_is_refused(pipelines: Pipelines) -> None:
    stored = pipelines.create(named())
    status = {
        "conditions": [{"type": "Happy", "status": "True", "reason": "A", "message": "", "observedGeneration": 1}]
    }
    assert "Unsupported value" in refusal(lambda: pipelines.write_status(stored["metadata"]["name"], status))
