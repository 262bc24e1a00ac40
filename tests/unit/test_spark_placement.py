"""Where a goal's work is done: cores and heap from the container, executor pods, and the user's own configuration."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from logpipeline.api import spark_conf
from logpipeline.api.pods import Resources
from logpipeline.api.quantity import bytes_of, cores_of
from logpipeline.errors import LogPipelineError, ResourceError
from logpipeline_spark import container
from logpipeline_spark.leftovers import path_of
from logpipeline_spark.placement import InProcess, executor_pods, heap, memory_of, workers
from logpipeline_spark.session import collector, is_folder, merged
from pipelines import a_pipeline

MIB = 1 << 20
POD = {"POD_NAME": "web-goal-client-rate-0", "POD_NAMESPACE": "lp", "POD_IP": "10.0.0.7"}


@pytest.mark.parametrize(
    ("files", "memory", "cores"),
    [
        ({}, None, 8),
        ({"memory.max": "1342177280", "cpu.max": "150000 100000"}, 1280 * MIB, 2),
        ({"memory.max": "max", "cpu.max": "max 100000"}, None, 8),
        ({"memory.max": "1342177280", "cpu.max": "20000 100000"}, 1280 * MIB, 1),
        ({"cpu.max": "6400000 100000"}, None, 8),
        (
            {
                "memory/memory.limit_in_bytes": "805306368",
                "cpu/cpu.cfs_quota_us": "300000",
                "cpu/cpu.cfs_period_us": "100000",
            },
            768 * MIB,
            3,
        ),
        (
            {
                "memory/memory.limit_in_bytes": "9223372036854771712",
                "cpu/cpu.cfs_quota_us": "-1",
                "cpu/cpu.cfs_period_us": "100000",
            },
            None,
            8,
        ),
    ],
)
def test_what_the_container_may_use_is_read_from_either_version_of_cgroups(
    files: dict[str, str], memory: int | None, cores: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)))
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text + "\n")
    assert container.memory_limit(tmp_path) == memory
    assert container.cores(tmp_path) == cores


@pytest.mark.parametrize(
    ("memory", "expected"),
    [(None, None), (2048 * MIB, "512m"), (4096 * MIB, "1024m"), (1024 * MIB, "480m")],
)
def test_the_heap_is_a_share_of_the_container_and_never_less_than_spark_takes(
    memory: int | None, expected: str | None
) -> None:
    settings = InProcess(2, None if memory is None else heap(memory)).settings()
    assert settings.get("spark.driver.memory") == expected
    assert settings["spark.master"] == "local[2]"


@pytest.mark.parametrize(
    ("limit", "resources", "memory"),
    [
        (None, None, None),
        (4096 * MIB, None, 4096 * MIB),
        (4096 * MIB, {"limits": {"memory": "2Gi"}}, 4096 * MIB),
        (None, {"limits": {"memory": "2Gi"}}, 6144 * MIB),
        (None, {"limits": {"cpu": "1"}}, None),
    ],
)
def test_without_a_container_a_process_of_three_goals_has_what_the_resource_gives_to_three(
    limit: int | None, resources: dict[str, dict[str, str]] | None, memory: int | None
) -> None:
    assert memory_of(limit, Resources.model_validate(resources) if resources else None, 3) == memory


@pytest.mark.parametrize(
    ("resources", "expected"),
    [
        (None, {"executor.memory": "480m", "executor.memoryOverhead": "480m", "executor.cores": "1"}),
        (
            {"requests": {"cpu": "500m", "memory": "1Gi"}, "limits": {"cpu": "2", "memory": "2Gi"}},
            {
                "executor.memory": "512m",
                "executor.memoryOverhead": "1536m",
                "executor.cores": "2",
                "default.parallelism": "6",
                "kubernetes.executor.request.cores": "500m",
                "kubernetes.executor.limit.cores": "2",
            },
        ),
        ({"requests": {"cpu": "3"}}, {"executor.cores": "3", "kubernetes.executor.request.cores": "3"}),
        ({"limits": {"cpu": "300m"}}, {"executor.cores": "1", "kubernetes.executor.request.cores": "300m"}),
    ],
)
def test_executors_are_as_large_as_the_resource_says(
    resources: dict[str, dict[str, str]] | None, expected: dict[str, str]
) -> None:
    given = Resources.model_validate(resources) if resources else None
    pods = executor_pods(3, "spark:1", Path("/t.yaml"), Path("/s"), POD, memory=None, resources=given)
    settings = pods.settings()
    assert {key: settings.get(f"spark.{key}") for key in expected} == expected


def test_executors_prove_themselves_by_a_file() -> None:
    pods = executor_pods(1, "spark:1", Path("/t.yaml"), Path("/s"), POD, memory=None, resources=None)
    settings = pods.settings()
    assert (settings["spark.authenticate"], settings["spark.authenticate.secret.file"]) == ("true", "/s")
    assert (settings["spark.network.crypto.enabled"], settings["spark.network.crypto.saslFallback"]) == (
        "true",
        "false",
    )
    assert "spark.authenticate.secret" not in settings
    assert not [key for key in InProcess(1).settings() if key.startswith("spark.authenticate")]


def test_executor_pods_belong_to_their_driver_and_are_named_anew_at_each_start() -> None:
    environment = {**POD, "POD_NAME": "a-very-long-pipeline-name-goal-with-a-long-name-too-0"}
    pods = executor_pods(2, "spark:1", Path("/t.yaml"), Path("/s"), environment, memory=1280 * MIB, resources=None)
    first, second = pods.settings(), pods.settings()
    name = "spark.kubernetes.executor.podNamePrefix"
    assert first[name] != second[name]
    assert len(f"{first[name]}-exec-{2**31 - 1}") <= 63
    assert first["spark.kubernetes.driver.pod.name"] == environment["POD_NAME"]
    assert first["spark.driver.host"] == pods.address == "10.0.0.7"
    assert first["spark.kubernetes.executor.label.logpipeline.dev/driver"] == pods.pod
    assert path_of(pods) == f"/api/v1/namespaces/lp/pods?labelSelector=logpipeline.dev%2Fdriver%3D{pods.pod}"


@pytest.mark.parametrize(
    ("image", "template", "secret", "environment", "missing"),
    [
        (None, Path("/t"), Path("/s"), POD, "--executor-image"),
        ("i", None, Path("/s"), POD, "--executor-template"),
        ("i", Path("/t"), None, POD, "--executor-secret"),
        ("i", Path("/t"), Path("/s"), {}, "POD_NAME, POD_NAMESPACE, POD_IP"),
        ("i", Path("/t"), Path("/s"), {**POD, "POD_IP": ""}, "POD_IP"),
    ],
)
def test_what_executors_lack_is_named(
    image: str | None, template: Path | None, secret: Path | None, environment: dict[str, str], missing: str
) -> None:
    with pytest.raises(LogPipelineError, match=f"which needs {missing}; leave --executors out"):
        executor_pods(2, image, template, secret, environment, memory=None, resources=None)


@pytest.mark.parametrize(
    ("memory", "tasks"), [(512 * MIB, 1), (960 * MIB, 1), (1280 * MIB, 2), (2048 * MIB, 5), (10240 * MIB, 37)]
)
def test_as_many_tasks_run_at_a_time_as_have_memory(memory: int, tasks: int) -> None:
    assert workers(memory) == tasks


@pytest.mark.parametrize(
    ("theirs", "chosen"),
    [("", ["-XX:+UseSerialGC"]), ("-Da=UseG1GC", ["-XX:+UseSerialGC"]), ("-Da=1 -XX:+UseG1GC -Db=2", [])],
)
def test_the_users_garbage_collector_is_the_only_one(theirs: str, chosen: list[str]) -> None:
    assert collector(theirs) == chosen


def test_the_users_configuration_is_added_and_takes_nothing_away() -> None:
    ours = {
        "spark.driver.extraJavaOptions": "-Da=1",
        "spark.driver.extraClassPath": "/a.jar",
        "spark.ui.enabled": "false",
    }
    conf = {
        "spark.driver.extraJavaOptions": "-Db=2",
        "spark.driver.extraClassPath": "/b.jar",
        "spark.ui.enabled": "true",
        "spark.hadoop.fs.s3a.endpoint": "http://s3",
    }
    assert merged(ours, conf) == {
        "spark.driver.extraJavaOptions": "-Da=1 -Db=2",
        "spark.driver.extraClassPath": "/a.jar:/b.jar",
        "spark.ui.enabled": "true",
        "spark.hadoop.fs.s3a.endpoint": "http://s3",
    }


@pytest.mark.parametrize(
    ("checkpoints", "folder"),
    [
        ("checkpoints", True),
        ("/checkpoint", True),
        ("file:///state", True),
        ("s3a://bucket/x", False),
        ("hdfs:/x", False),
    ],
)
def test_a_checkpoint_on_this_machine_is_known_as_such(checkpoints: str, folder: bool) -> None:
    assert is_folder(checkpoints) is folder


@pytest.mark.parametrize(
    ("key", "remedy"),
    [
        ("spark.master", "set spec.spark.executors"),
        ("spark.kubernetes.container.image", "set spec.spark.pod and spec.spark.executorResources"),
        ("spark.sql.shuffle.partitions", "set spec.spark.shards"),
        ("spark.authenticate", "it is fixed"),
        ("spark.authenticate.secret", "it is fixed"),
        ("spark.network.crypto.cipher", "it is fixed"),
        ("spark.executor.memory", "set spec.spark.executorResources"),
        ("spark.sql.streaming.checkpointLocation", "set spec.spark.checkpoint"),
        ("fs.s3a.endpoint", "its keys begin with spark."),
        ("spark.hadoop.fs.s3a.endpoint", None),
        ("spark.executor.memoryish", None),
        ("spark.driver.extraJavaOptions", None),
    ],
)
def test_configuration_that_a_goal_stands_on_is_refused_with_the_way_out(key: str, remedy: str | None) -> None:
    faults = spark_conf.faults([key])
    if remedy is None:
        assert faults == []
        return
    assert remedy in faults[0]
    with pytest.raises(ResourceError, match=rf"^spec\.spark: conf: '{key}' is ") as error:
        a_pipeline(spark={"conf": {key: "x"}})
    assert remedy in str(error.value)


@pytest.mark.parametrize(
    ("text", "size"), [("0", 0), ("768Mi", 768 * MIB), ("1.5Gi", 1536 * MIB), ("10G", 10**10), ("2k", 2000)]
)
def test_quantities_are_bytes(text: str, size: int) -> None:
    assert bytes_of(text) == size


def test_quantities_of_cpu_are_cores() -> None:
    assert [cores_of(text) for text in ("500m", "2", "0.5")] == [0.5, 2, 0.5]
    with pytest.raises(ValueError, match="is not a quantity such as 768Mi"):
        bytes_of("1Qi")
