"""A goal in Flink SQL, tuned as Flink's own guide says: mini-batch, two-phase aggregation, object reuse.

https://nightlies.apache.org/flink/flink-docs-stable/docs/dev/table/tuning/. Run by an interpreter with apache-flink. It
reads what the topic holds, and ends.
"""

from __future__ import annotations

import argparse

from pyflink.table import EnvironmentSettings, TableEnvironment
from workload import GOALS, LATENESS, PARALLELISM

SETTINGS = {
    "parallelism.default": str(PARALLELISM),
    "pipeline.object-reuse": "true",
    "table.exec.mini-batch.enabled": "true",
    "table.exec.mini-batch.allow-latency": "1 s",
    "table.exec.mini-batch.size": "50000",
    "table.optimizer.agg-phase-strategy": "TWO_PHASE",
    "table.local-time-zone": "UTC",
    "execution.checkpointing.interval": "5 s",
    "taskmanager.memory.managed.size": "1g",
    "taskmanager.numberOfTaskSlots": str(PARALLELISM),
    "rest.port": "0",
}


def main() -> None:
    """Run the goal to the end of the topic."""
    parser = argparse.ArgumentParser()
    for name in ("servers", "topic", "results", "checkpoint", "goal", "jar", "backend"):
        parser.add_argument(f"--{name}", required=True)
    options = parser.parse_args()
    goal = GOALS[options.goal]
    tables = TableEnvironment.create(EnvironmentSettings.in_streaming_mode())
    settings = {
        **SETTINGS,
        "pipeline.jars": f"file://{options.jar}",
        "state.backend.type": options.backend,
        "execution.checkpointing.dir": f"file://{options.checkpoint}",
    }
    for name, value in settings.items():
        tables.get_config().set(name, value)
    kafka = f"'connector' = 'kafka', 'properties.bootstrap.servers' = '{options.servers}'"
    tables.execute_sql(f"""
        create table access_log (
            `@timestamp` double, {goal.key} string, {"" if goal.key == "status" else "status int,"} request_time double,
            ts as to_timestamp_ltz(cast(`@timestamp` * 1000 as bigint), 3),
            watermark for ts as ts - interval '{LATENESS}' second
        ) with ({kafka}, 'topic' = '{options.topic}', 'scan.startup.mode' = 'earliest-offset',
            'scan.bounded.mode' = 'latest-offset', 'format' = 'json', 'json.ignore-parse-errors' = 'true')
    """)
    tables.execute_sql(f"""
        create table results (`key` string, `start` bigint, `value` double)
        with ({kafka}, 'topic' = '{options.results}', 'format' = 'json')
    """)
    chosen = "access_log"
    if goal.statuses is not None:
        low, high = goal.statuses
        tables.execute_sql(f"create view chosen as select * from access_log where status between {low} and {high}")
        chosen = "chosen"
    edges = f"interval '{goal.size}' second"
    kind = "tumble"
    if goal.slide != goal.size:
        edges, kind = f"interval '{goal.slide}' second, {edges}", "hop"
    value = f"avg({goal.field})" if goal.field else "cast(count(*) as double)"
    having = f"having count(*) > {goal.more_than}" if goal.more_than is not None else ""
    tables.execute_sql(f"""
        insert into results
        select {goal.key}, unix_timestamp(cast(window_start as string)), {value}
        from table({kind}(table {chosen}, descriptor(ts), {edges}))
        group by {goal.key}, window_start, window_end {having}
    """).wait()


if __name__ == "__main__":
    main()
