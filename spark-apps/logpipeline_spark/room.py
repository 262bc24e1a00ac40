"""How much a goal may hold: what its pods' memory allows, as the resource gives it, and not the machine.

So the same resource holds the same everywhere, and a goal that is full drops the same records when a batch runs again.
"""

from __future__ import annotations

from logpipeline.api.quantity import bytes_of
from logpipeline.api.resource import Spark
from logpipeline_spark.placement import EXECUTOR_MEMORY, data

# What the operator gives to a goal that the resource gives nothing.
GOAL_MEMORY = "2Gi"
# How many bytes of memory a byte of cells takes at the most, measured: a batch may hold twice as many as state, each
# step works on several copies of them, and Spark has some more.
_SHARE = 20
_LEAST = 8 << 20


def room_of(spark: Spark) -> int:
    """Return how many bytes of cells (`kernel.cells.size`) the state of a goal may hold, in all of its shards."""
    given = spark.executor_resources if spark.executors else spark.resources
    usual = EXECUTOR_MEMORY if spark.executors else GOAL_MEMORY
    memory = bytes_of((given.limits.memory if given else None) or usual)
    return max(_LEAST, data(memory) // _SHARE) * max(1, spark.executors)
