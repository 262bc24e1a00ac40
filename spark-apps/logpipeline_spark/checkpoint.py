"""What a checkpoint was made by: a goal never goes on from state that another rule has counted."""

from __future__ import annotations

import json
from typing import Any

from pyspark.sql import SparkSession

from logpipeline.errors import LogPipelineError
from logpipeline.rules import Rule

_NAME = "goal.json"


def claim(spark: SparkSession, checkpoint: str, rule: Rule, *, topic: str, shards: int) -> None:
    """Note in the checkpoint (any Hadoop URI) what its state is of; raises LogPipelineError when it is of something
    else.
    """
    wanted = {**rule.identity(), "source.topic": topic, "spark.shards": shards}
    jvm: Any = spark.sparkContext._jvm  # noqa: SLF001 - Hadoop's file systems have no Python of their own
    folder = jvm.org.apache.hadoop.fs.Path(checkpoint)
    path = jvm.org.apache.hadoop.fs.Path(folder, _NAME)
    files = folder.getFileSystem(spark.sparkContext._jsc.hadoopConfiguration())  # noqa: SLF001
    if not files.exists(path):
        stream = files.create(path, True)
        stream.write(json.dumps(wanted, indent=1).encode())
        stream.close()
        return
    stream = files.open(path)
    found = json.loads(jvm.org.apache.commons.io.IOUtils.toString(stream, "UTF-8"))
    stream.close()
    changed = [
        f"{name} from {found.get(name)} to {value}" for name, value in wanted.items() if found.get(name) != value
    ]
    if changed:
        raise LogPipelineError(
            f"goal {rule.name!r}: {', '.join(changed)} changed, but its state in {checkpoint} was counted by the old "
            "rule; give the goal a new name, or delete that folder to count again from the beginning of the topic"
        )
