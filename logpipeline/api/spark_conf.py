"""The Spark configuration that is not the user's to set, and what to use in its place.

A goal stands on these: its state, its place in the cluster, and the sizes that the resource has fields for.
"""

from __future__ import annotations

from collections.abc import Iterable

from logpipeline.api.cel import CelRule, text, texts

_NOT_SPARK = "is no Spark configuration: its keys begin with spark. (Hadoop's with spark.hadoop.)"
_REFUSED = "is not for the user to set: "
_RESOURCES = "set spec.spark.resources"
_EXECUTOR_RESOURCES = "set spec.spark.executorResources"
_EXECUTORS = "set spec.spark.executors"
_POD = "set spec.spark.pod and spec.spark.executorResources"
_FIXED = "it is fixed, leave it out"

# A key that ends in a dot stands for all that begin with it.
REFUSED: dict[str, str] = {
    "spark.master": _EXECUTORS,
    "spark.submit.": _FIXED,
    "spark.app.id": _FIXED,
    # Where the pods are and how they find each other.
    "spark.kubernetes.": _POD,
    "spark.driver.host": _FIXED,
    "spark.driver.bindAddress": _FIXED,
    "spark.driver.port": _FIXED,
    "spark.driver.blockManager.port": _FIXED,
    "spark.blockManager.port": _FIXED,
    # How driver and executors know each other.
    "spark.authenticate": _FIXED,
    "spark.authenticate.": _FIXED,
    "spark.network.crypto.": _FIXED,
    "spark.pyspark.": "set spec.spark.image: its interpreter is used",
    # What the resource has a field for.
    "spark.driver.memory": _RESOURCES,
    "spark.driver.memoryOverhead": _RESOURCES,
    "spark.driver.cores": _RESOURCES,
    "spark.executor.memory": _EXECUTOR_RESOURCES,
    "spark.executor.memoryOverhead": _EXECUTOR_RESOURCES,
    "spark.executor.pyspark.memory": _EXECUTOR_RESOURCES,
    "spark.executor.cores": _EXECUTOR_RESOURCES,
    "spark.executor.instances": _EXECUTORS,
    "spark.cores.max": _EXECUTORS,
    "spark.default.parallelism": _EXECUTORS,
    "spark.dynamicAllocation.": "set spec.spark.executors, a fixed number",
    "spark.sql.shuffle.partitions": "set spec.spark.shards",
    # What results and state rest on.
    "spark.speculation": "a task that runs twice writes its results twice, leave it out",
    "spark.task.cpus": _FIXED,
    "spark.sql.session.timeZone": _FIXED,
    "spark.sql.streaming.checkpointLocation": "set spec.spark.checkpoint",
    "spark.sql.streaming.stateStore.providerClass": _FIXED,
    "spark.sql.streaming.stateStore.stateSchemaCheck": _FIXED,
    "spark.sql.streaming.minBatchesToRetain": _FIXED,
    "spark.sql.streaming.noDataProgressEventInterval": "the goal's liveness is told by it, leave it out",
    "spark.sql.streaming.stopTimeout": _FIXED,
}


def faults(keys: Iterable[str]) -> list[str]:
    """Return what is wrong with each of the configuration's keys, with the remedy; empty when all may be set."""
    return [f"{key!r} {fault}" for key in keys if (fault := _fault(key)) is not None]


def _fault(key: str) -> str | None:
    if not key.startswith("spark."):
        return _NOT_SPARK
    for refused, remedy in REFUSED.items():
        if key == refused or (refused.endswith(".") and key.startswith(refused)):
            return f"{_REFUSED}{remedy}"
    return None


def _rule() -> CelRule:
    exact = [key for key in REFUSED if not key.endswith(".")]
    prefixes = [key for key in REFUSED if key.endswith(".")]
    is_spark = "self.conf.all(key, key.startsWith('spark.'))"
    found = {key: f"{text(key)} in self.conf" for key in exact}
    found |= {key: f"self.conf.exists(key, key.startsWith({text(key)}))" for key in prefixes}
    said = {key: f" '{key}{'*' if key.endswith('.') else ''}' {_REFUSED}{REFUSED[key]}." for key in found}
    say = [f"({test} ? {text(said[key])} : '')" for key, test in found.items()]
    return CelRule(
        "spark-conf",
        f"!has(self.conf) || {is_spark} && !self.conf.exists(key, key in {texts(exact)} || "
        f"{texts(prefixes)}.exists(prefix, key.startsWith(prefix)))",
        "conf: a key is not for the user to set; use the fields of spec.spark, or leave it out",
        f"'conf:' + ({is_spark} ? '' : {text(f' a key {_NOT_SPARK}.')}) + {' + '.join(say)}",
        field="conf",
    )


RULE = _rule()
