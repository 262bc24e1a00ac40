"""A goal in Quix Streams. Run by an interpreter with quixstreams.

One process and one partition: what is read of one partition ahead of another goes on by key and ends the windows of
records that are still to come. It ends when the topic has given nothing for `IDLE_SECONDS`, which are not counted.
"""

from __future__ import annotations

import argparse

from quixstreams import Application
from quixstreams.dataframe.windows import Count, Mean
from workload import GOALS, LATENESS

IDLE_SECONDS = 15.0


def main() -> None:
    """Run the goal to the end of the topic."""
    parser = argparse.ArgumentParser()
    for name in ("servers", "topic", "results", "checkpoint", "goal"):
        parser.add_argument(f"--{name}", required=True)
    options = parser.parse_args()
    goal = GOALS[options.goal]
    application = Application(
        broker_address=options.servers,
        consumer_group=options.results,
        auto_offset_reset="earliest",
        state_dir=options.checkpoint,
        loglevel="WARNING",
    )
    frame = application.dataframe(
        application.topic(
            options.topic,
            value_deserializer="json",
            timestamp_extractor=lambda value, *_: int(float(value["@timestamp"]) * 1000),
        )
    )
    if goal.statuses is not None:
        low, high = goal.statuses
        frame = frame.filter(lambda record: low <= int(record["status"]) <= high)
    if goal.field is not None:
        frame[goal.field] = frame[goal.field].apply(float)
    # Records have no key in the topic: Quix sends each once more, to the partition of its key.
    frame = frame.group_by(goal.key)
    size, slide, grace = goal.size * 1000, goal.slide * 1000, LATENESS * 1000
    windows = frame.tumbling_window(size, grace) if slide == size else frame.hopping_window(size, slide, grace)
    found = windows.agg(n=Count(), **({"value": Mean(goal.field)} if goal.field else {})).final("partition")
    if goal.more_than is not None:
        found = found[found["n"] > goal.more_than]
    found.apply(
        lambda window, key, *_: {
            "key": key.decode() if isinstance(key, bytes) else key,
            "start": window["start"] // 1000,
            "value": window.get("value", window["n"]),
        },
        metadata=True,
    ).to_topic(application.topic(options.results, value_serializer="json"))
    application.run(timeout=IDLE_SECONDS)


if __name__ == "__main__":
    main()
