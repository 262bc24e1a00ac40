"""Names that cannot meet: of two pipelines on one Kafka and Elasticsearch, and of two in one namespace."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

import pytest
import yaml

from desired_samples import EXTERNAL, GOAL, a_resource, objects_of
from logpipeline.acceptance import Acceptance, accept
from logpipeline.api import LogPipeline, parse, parse_stored
from logpipeline.errors import ResourceError
from logpipeline.kafka.connect import connector_name, sink_group
from logpipeline.names import default_names, named
from logpipeline_alert_bridge.cli import _consumer_settings
from logpipeline_operator.accepted import accepted, remembering
from logpipeline_operator.cluster.kinds import PipelineKey, key_of
from logpipeline_operator.desired.component import reads_as_a_goal
from logpipeline_operator.sharing import KafkaNames


def document(
    name: str = "web", namespace: str = "logs", status: Mapping[str, Any] | None = None, **spec: Any
) -> dict[str, Any]:
    """A LogPipeline as the API server gives it."""
    given = a_resource({**EXTERNAL, **spec}, name, namespace).document()
    metadata = {"name": name, "namespace": namespace, "uid": f"{namespace}/{name}", "generation": 1}
    return {**given, "metadata": metadata} | ({"status": status} if status else {})


def taken(found: dict[str, Any]) -> Acceptance:
    """What takes effect of a document, as a pass of the operator sees it."""
    return accepted(parse_stored(found).pipeline, found.get("status") or {})


def outside(pipeline: LogPipeline) -> set[str]:
    """Every name that a pipeline has on its Kafka and Elasticsearch, as its parts read it."""
    acceptance = accept(pipeline, {})
    objects = objects_of(pipeline, goal_pipelines={
        goal.name: acceptance.goal_pipeline(goal.name).document() for goal in pipeline.spec.goals
    })  # fmt: skip
    files = {item["metadata"]["name"]: item["data"] for item in objects if item["kind"] == "ConfigMap"}
    worker = dict(
        line.split("=", 1)
        for line in files[f"{pipeline.name}-connect"]["connect.properties"].splitlines()
        if "=" in line
    )
    bridge, console, goal = (
        parse(yaml.safe_load(files[f"{pipeline.name}-{part}"]["pipeline.yaml"]))
        for part in ("alert-bridge", "console", "goal-client-rate")
    )
    topics = {topic.name or "" for topic in pipeline.topics().values()}
    assert topics >= {goal.topics()[use].name for use in ("raw", "invalid", "goal client-rate")}
    assert topics >= {bridge.topics()[use].name for use in ("alerts", "goal client-rate")}
    assert topics == {topic.name for topic in console.topics().values()} | {pipeline.topics()["alerts"].name}
    assert (sink_group(console), console.index()) == (sink_group(pipeline), pipeline.index())
    group = _consumer_settings(bridge, {})["group.id"]
    stores = {worker[f"{store}.storage.topic"] for store in ("config", "offset", "status")}
    return {
        *topics,
        *stores,
        worker["group.id"],
        connector_name(pipeline),
        sink_group(pipeline),
        group,
        pipeline.index(),
    }


def test_pipelines_of_one_name_in_two_namespaces_share_no_name_outside() -> None:
    one, other = (taken(document(namespace=namespace)).pipeline for namespace in ("logs", "shop"))
    assert not outside(one) & outside(other)
    assert all("logs.web" in name for name in outside(one))


FORMER = {"goals": [{"name": "client-rate", "rule": accept(a_resource(EXTERNAL), {}).running["client-rate"].rule,
                     "stateVersion": 1}]}  # fmt: skip
NEW = {"kafka": "logs.web", "elasticsearch": "logs.web"}
MANAGED = {"kafka": {"managed": {}}, "sink": {"elasticsearch": {"managed": {}}}}
# What the status says, what the resource says, and what is remembered.
REMEMBERED: dict[str, tuple[dict[str, Any], dict[str, Any], dict[str, str]]] = {
    "a new pipeline": ({}, {}, NEW),
    "one that ran before names were remembered": (FORMER, {}, {"kafka": "web", "elasticsearch": "web"}),
    "a resource that was never valid": ({"conditions": []}, {}, NEW),
    "what is remembered stays": ({**FORMER, "names": NEW}, {}, NEW),
    "nothing is shared": ({}, MANAGED, {}),
    "a sink that comes later": (
        {**FORMER, "names": {"kafka": "web"}},
        {},
        {"kafka": "web", "elasticsearch": "logs.web"},
    ),
    "a sink that goes and may come back": ({**FORMER, "names": NEW}, {"sink": None}, NEW),
}


@pytest.mark.parametrize("case", REMEMBERED)
def test_names_are_remembered(case: str) -> None:
    status, spec, expected = REMEMBERED[case]
    pipeline = parse(document(**spec))
    assert default_names(pipeline, status) == expected
    acceptance = taken(document(status=status, **spec))
    status = {**status, "goals": [{"name": "client-rate"}]}
    assert remembering(status, acceptance, REMEMBERED[case][0])["names"] == expected


def test_a_pipeline_that_runs_keeps_its_names_and_no_pod_restarts() -> None:
    assert taken(document(status=FORMER)).pipeline.spec == parse(document()).spec


def test_what_the_resource_names_is_never_renamed() -> None:
    goal = {**GOAL, "topic": {"name": "rates"}}
    kafka = {"external": {**EXTERNAL["kafka"]["external"], "pipelineName": "team.web"}}
    search = {"elasticsearch": {**EXTERNAL["sink"]["elasticsearch"], "index": "access"}}
    pipeline = taken(document(kafka=kafka, sink=search, goals=[goal], source={"topic": {"name": "raw"}})).pipeline
    topics = {use: topic.name for use, topic in pipeline.topics().items()}
    assert topics == {
        "raw": "raw",
        "invalid": "team.web.invalid",
        "sink-dead-letters": "team.web.sink-dead-letters",
        "alerts": "team.web.alerts",
        "goal client-rate": "rates",
    }
    assert (pipeline.index(), connector_name(pipeline)) == ("access", "team.web-elasticsearch")


def test_a_name_that_is_filled_in_can_make_two_topics_one() -> None:
    with pytest.raises(ResourceError, match=r"topic logs\.web\.raw has two uses, raw and invalid"):
        taken(document(source={"invalidTopic": {"name": "logs.web.raw"}}))


def test_a_result_topic_is_none_of_connects_own() -> None:
    goals = [{**GOAL, "name": "connect-offset"}]
    with pytest.raises(ResourceError, match=r"topic web\.connect-offset has two uses"):
        a_resource({**MANAGED, "goals": goals})
    a_resource({**MANAGED, "goals": goals, "sink": None})


def test_pipelines_that_share_a_name_on_one_kafka_are_told_of_each_other() -> None:
    names, one, other = KafkaNames(), PipelineKey("logs", "web"), PipelineKey("shop", "web")

    def kafka(servers: str, **more: str) -> dict[str, Any]:
        return {"external": {"bootstrapServers": servers, **more}}

    def findings(key: PipelineKey, **spec: Any) -> list[str]:
        pipeline = named(a_resource({**EXTERNAL, **spec}, key.name, key.namespace), {})
        return [f"{finding.reason}: {finding.message}" for finding in names.findings(key, pipeline)]

    assert findings(one, kafka=kafka("a:9092,b:9092")) == []
    (message,) = findings(other, kafka=kafka("b:9092,c:9092"))
    assert message.startswith("NameShared: on its Kafka the pipeline is called 'web', as is logs/web")
    assert len(findings(one, kafka=kafka("a:9092,b:9092"))) == 1
    assert findings(other, kafka=kafka("d:9092")) == findings(one, kafka=kafka("a:9092,b:9092")) == []
    assert len(findings(other, kafka=kafka("a:9092"))) == 1
    assert findings(other, kafka=kafka("a:9092", pipelineName="shop.web")) == []
    assert findings(other, kafka=MANAGED["kafka"], sink=None) == []
    assert len(findings(other, kafka=kafka("a:9092"))) == 1
    names.forget(other)
    assert findings(one, kafka=kafka("a:9092,b:9092")) == []


EVERY_COMPONENT = {
    "kafka": {"managed": {"replicas": 3}},
    "source": {"generator": {}},
    "goals": [{**GOAL, "name": "yyy"}],
    "sink": {"elasticsearch": {"managed": {"kibana": {}}}},
    "spark": {"executors": 1},
    "alerting": {"webhook": {"url": "http://hook"}},
    "console": {},
}


def test_no_object_of_a_namespace_has_two_uses() -> None:
    """Of pipelines and goals whose names are put together from the words that the names of objects are."""
    forms = {key_of(item) for item in objects_of(a_resource(EVERY_COMPONENT, name="xxx"))}
    assert len(forms) == 38
    words = {word for form in forms for word in form.name.split("-")} - {"xxx", "yyy"} | {"a"}
    goals = [*words, *("-".join(pair) for pair in itertools.product(words, repeat=2))]
    uses: dict[tuple[str, str], str] = {}
    for pipeline in (name for name in goals if not reads_as_a_goal(name)):
        for form in forms:
            name = form.name.replace("xxx", pipeline)
            for each in goals if "yyy" in name else [""]:
                use = f"{pipeline} {form.name} {each}"
                assert uses.setdefault((form.kind, name.replace("yyy", each)), use) == use


NEW_NAMES = {
    "web": True,
    "goal": True,
    "goal-kafka": True,
    "goals": True,
    "a-goals": True,
    "my-goal": False,
    "a-goal-b": False,
}


@pytest.mark.parametrize("name", NEW_NAMES)
def test_a_new_pipeline_whose_objects_could_be_another_goals_is_refused(name: str) -> None:
    if NEW_NAMES[name]:
        taken(document(name))
        return
    with pytest.raises(ResourceError, match=r"metadata\.name.*take a name that neither ends in -goal nor holds -goal-"):
        taken(document(name))
    # One that runs goes on.
    assert taken(document(name, status=FORMER)).pipeline.name == name


def test_a_lake_on_a_pods_own_disk_is_refused() -> None:
    with pytest.raises(ResourceError, match=r"spec\.lake\.uri.*the pod; leave uri out for a volume"):
        taken(document(lake={"uri": "file:///lake"}))
    assert taken(document(lake={}))
