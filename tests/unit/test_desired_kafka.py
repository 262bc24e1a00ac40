"""The managed Kafka on a cluster."""

from __future__ import annotations

import re
from typing import Any

import pytest

from desired_samples import EVERYTHING, a_resource, objects_of, one, template_of


def kafka(**managed: Any) -> list[dict[str, Any]]:
    return objects_of(a_resource({**EVERYTHING, "kafka": {"managed": managed}}))


def test_each_broker_has_its_own_file_and_all_know_the_quorum() -> None:
    files = one(kafka(replicas=3), "ConfigMap", "web-kafka")["data"]
    assert list(files) == [f"web-kafka-{ordinal}.properties" for ordinal in range(3)]
    name = "web-kafka-{0}.web-kafka-brokers.logs.svc.cluster.local"
    quorum = ",".join(f"{ordinal}@{name.format(ordinal)}:9093" for ordinal in range(3))
    for ordinal, text in enumerate(files.values()):
        lines = text.splitlines()
        assert f"node.id={ordinal}" in lines
        assert f"advertised.listeners=PLAINTEXT://{name.format(ordinal)}:9092" in lines
        assert f"controller.quorum.voters={quorum}" in lines
        assert "min.insync.replicas=2" in lines


@pytest.mark.parametrize("replicas", [1, 3])
def test_a_volume_a_broker_and_a_budget_only_where_one_can_be_spared(replicas: int) -> None:
    objects = kafka(replicas=replicas, storage={"size": "1024Mi"})
    claims = [
        item for item in objects if item["kind"] == "PersistentVolumeClaim" and "kafka" in item["metadata"]["name"]
    ]
    assert [claim["metadata"]["name"] for claim in claims] == [
        f"data-web-kafka-{ordinal}" for ordinal in range(replicas)
    ]
    brokers = one(objects, "StatefulSet", "web-kafka")["spec"]
    assert brokers["replicas"] == replicas
    # The StatefulSet takes over the claims that are there: they must be the ones that it would make.
    assert brokers["volumeClaimTemplates"][0]["spec"] == claims[0]["spec"]
    assert claims[0]["spec"]["resources"] == {"requests": {"storage": "1Gi"}}
    assert ("PodDisruptionBudget" in {item["kind"] for item in objects}) == (replicas > 1)


def test_nodes_find_each_other_before_they_are_ready_and_clients_only_then() -> None:
    objects = kafka()
    assert one(objects, "Service", "web-kafka-brokers")["spec"]["publishNotReadyAddresses"]
    assert "publishNotReadyAddresses" not in one(objects, "Service", "web-kafka-bootstrap")["spec"]


def test_the_operator_takes_the_brokers_one_by_one() -> None:
    assert one(kafka(replicas=3), "StatefulSet", "web-kafka")["spec"]["updateStrategy"] == {"type": "OnDelete"}


@pytest.mark.parametrize(
    ("changed", "rolls"),
    [
        ({"config": {"log.segment.bytes": "1048576"}}, True),
        ({"config": {"auto.create.topics.enable": "true"}}, False),  # ours wins, nothing changes
        ({"storage": {"size": "20Gi"}}, False),
        ({"port": 9094}, True),
        ({"resources": {"limits": {"memory": "2Gi"}}}, True),
    ],
)
def test_brokers_roll_when_what_they_read_changes(changed: dict[str, Any], rolls: bool) -> None:
    before, after = (template_of(kafka(**managed), "web-kafka") for managed in ({}, changed))
    assert (before != after) == rolls


def test_one_order_of_a_users_properties_is_as_good_as_another() -> None:
    settings = {"log.segment.bytes": "1", "log.roll.ms": "2"}
    backwards = dict(reversed(settings.items()))
    assert kafka(config=settings) == kafka(config=backwards)


@pytest.mark.parametrize(
    ("limit", "heap"),
    [
        ("768Mi", "-Xms256m -Xmx256m -XX:+UseSerialGC"),
        ("4Gi", "-Xms1365m -Xmx1365m -XX:+UseG1GC"),
        ("64Gi", "-Xms6144m -Xmx6144m -XX:+UseG1GC"),
    ],
)
def test_the_heap_leaves_room_for_the_page_cache(limit: str, heap: str) -> None:
    container = template_of(kafka(resources={"limits": {"memory": limit}}), "web-kafka")["spec"]["containers"][0]
    assert {"name": "KAFKA_HEAP_OPTS", "value": heap} in container["env"]


def test_the_cluster_id_outlives_the_resource_and_is_no_option() -> None:
    def cluster_id(name: str, uid: str = "1") -> str:
        objects = objects_of(a_resource(EVERYTHING, name=name, uid=uid))
        environment = template_of(objects, f"{name}-kafka")["spec"]["containers"][0]["env"]
        return next(entry["value"] for entry in environment if entry["name"] == "KAFKA_CLUSTER_ID")

    ids = {cluster_id(f"p{number}") for number in range(100)}
    assert len(ids) == 100
    assert all(re.fullmatch(r"[A-Za-f][A-Za-z0-9_-]{21}", each) for each in ids)
    assert cluster_id("web", uid="1") == cluster_id("web", uid="2")


def test_an_external_kafka_has_no_objects() -> None:
    objects = objects_of(a_resource({**EVERYTHING, "kafka": {"external": {"bootstrapServers": "k:9092"}}}))
    assert not [item for item in objects if "kafka" in item["metadata"]["name"]]
