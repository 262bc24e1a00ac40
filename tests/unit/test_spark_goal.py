"""How a goal finds its state, its topics and its Kafka."""

from __future__ import annotations

import gc
import sys
import types
from pathlib import Path
from typing import Any

import pytest

from logpipeline.api import LogPipeline
from logpipeline.errors import LogPipelineError
from logpipeline.rules import rule_of, state_changes, state_folder, state_identity
from logpipeline_spark.collection import freeze_modules
from logpipeline_spark.kafka import client_settings
from logpipeline_spark.stream import topics_of
from pipelines import a_pipeline

GOALS = [{"name": "client-rate", "preset": "client-rate"}, {"name": "host-errors", "preset": "host-errors"}]
SCRAM = {"external": {"bootstrapServers": "k:9092", "security": {"protocol": "SASL_SSL", "secretRef": {"name": "s"}}}}


def a_goal(**changes: Any) -> LogPipeline:
    return a_pipeline(goals=[{**GOALS[0], **changes}])


@pytest.mark.parametrize(("version", "folder"), [(1, "client-rate"), (2, "client-rate.v2"), (17, "client-rate.v17")])
def test_each_version_of_a_goals_state_has_a_folder_of_its_own(version: int, folder: str) -> None:
    assert state_folder(a_goal(stateVersion=version).spec.goals[0]) == folder


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, []),
        ({"having": {"greaterThan": 99}}, []),
        ({"emit": "final"}, []),
        ({"topic": {"name": "other"}}, []),
        ({"stateVersion": 2, "startFrom": "latest"}, []),
        ({"window": {"size": "40s", "slide": "1s"}}, ["window.size from 20 to 40"]),
        ({"groupBy": ["host", "status"]}, ["groupBy from ['client_ip'] to ['host', 'status']"]),
        ({"aggregate": {"sum": {"field": "bytes"}}}, ["aggregate from count to sum_bytes"]),
    ],
)
def test_state_stays_good_as_long_as_what_is_counted_does(changes: dict[str, Any], said: list[str]) -> None:
    def identity(pipeline: LogPipeline) -> dict[str, Any]:
        return state_identity(pipeline, rule_of(pipeline.spec.goals[0]))

    assert state_changes(identity(a_goal()), identity(a_goal(**changes))) == said


def test_state_is_of_one_topic_and_number_of_shards() -> None:
    pipeline = a_pipeline(source={"topic": {"name": "raw-2"}}, spark={"shards": 3})
    before = a_pipeline()
    identities = [state_identity(one, rule_of(one.spec.goals[0])) for one in (before, pipeline)]
    assert state_changes(*identities) == ["source.topic from web.raw to raw-2", "spark.shards from 2 to 3"]


@pytest.mark.parametrize(
    ("goal", "reports", "invalid"),
    [(0, None, "web.invalid"), (1, None, None), (0, False, None), (1, True, "web.invalid")],
)
def test_one_goal_reports_the_invalid_records(goal: int, reports: bool | None, invalid: str | None) -> None:
    pipeline = a_pipeline(goals=GOALS)
    assert topics_of(pipeline, rule_of(pipeline.spec.goals[goal]), reports_invalid=reports).invalid == invalid


def test_the_settings_of_kafka_come_from_the_resource_and_its_secret(tmp_path: Path) -> None:
    assert client_settings(None, "k:9092", None) == {"bootstrap.servers": "k:9092"}
    external = a_pipeline(kafka=SCRAM).spec.kafka.external
    assert external is not None
    security = external.security
    for key, value in {"username": "me", "password": "p\n", "ca.crt": "CA"}.items():
        (tmp_path / key).write_text(value)
    settings = client_settings(security, "k:9092", tmp_path)
    assert settings["security.protocol"] == "SASL_SSL"
    assert settings["ssl.truststore.location"] == f"{tmp_path}/ca.crt"
    assert settings["sasl.jaas.config"].endswith('required username="me" password="p";')
    (tmp_path / "password").unlink()
    with pytest.raises(LogPipelineError, match="the Secret 's' has no password"):
        client_settings(security, "k:9092", tmp_path)
    with pytest.raises(LogPipelineError, match="give the folder of its files with --kafka-secret"):
        client_settings(security, "k:9092", None)


def test_collections_leave_out_modules_and_nothing_that_comes_later(monkeypatch: pytest.MonkeyPatch) -> None:
    freeze_modules()
    frozen = gc.get_freeze_count()
    kept: list[list[int]] = [[] for _ in range(10_000)]
    freeze_modules()
    assert frozen > 10_000
    assert gc.get_freeze_count() == frozen, "what a task made stays to be collected"
    monkeypatch.setitem(sys.modules, "new", types.ModuleType("new"))
    freeze_modules()
    assert gc.get_freeze_count() >= frozen + len(kept)
    gc.unfreeze()
