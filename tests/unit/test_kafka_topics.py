"""Topics: what the resource wants, and what has to change."""

from __future__ import annotations

from typing import Any

import pytest

from logpipeline.api import LogPipeline
from logpipeline.errors import LogPipelineError
from logpipeline.kafka.admin import Offsets
from logpipeline.kafka.topics import ExistingTopic, TopicPlan, plan_topics, wanted_topics
from pipelines import a_pipeline

DAY = {"cleanup.policy": "delete", "retention.ms": "86400000"}
RAW = {**DAY, "max.message.bytes": "16777216", "message.timestamp.type": "LogAppendTime"}


def pipeline(**topic: Any) -> LogPipeline:
    return a_pipeline(kafka={"managed": {"replicas": 3}}, source={"topic": {"name": "raw", **topic}})


def test_every_topic_of_the_resource_is_wanted() -> None:
    topics = wanted_topics(pipeline(), brokers=1)
    assert {use: spec.name for use, spec in topics.items()} == {
        "raw": "raw",
        "invalid": "web.invalid",
        "sink-dead-letters": "web.sink-dead-letters",
        "goal client-rate": "web.client-rate",
    }


def test_open_alerts_are_kept_however_old_they_are() -> None:
    alerting = a_pipeline(alerting={"webhook": {"url": "http://hook"}})
    topic = wanted_topics(alerting, brokers=1)["alerts"]
    assert (topic.name, topic.partitions, topic.config) == ("web.alerts", 1, {"cleanup.policy": "compact"})


def test_a_record_of_16_mib_passes_and_still_does_when_it_is_wrapped() -> None:
    topics = wanted_topics(pipeline(), brokers=1)
    limits = {use: int(spec.config.get("max.message.bytes", 1048588)) for use, spec in topics.items()}
    assert limits["raw"] == 16 * 2**20
    assert limits["invalid"] == limits["sink-dead-letters"] > 4 / 3 * limits["raw"]
    assert limits["goal client-rate"] == 1048588


@pytest.mark.parametrize(
    ("replicas", "brokers", "expected"),
    [(1, 1, 1), (3, 1, 1), (3, 3, 3), (2, 3, 2), (3, 5, 3), (None, 1, 1), (None, 3, 3), (None, 5, 3)],
)
def test_there_are_never_more_replicas_than_brokers(replicas: int | None, brokers: int, expected: int) -> None:
    """Without a number a record survives the loss of a broker wherever there is another."""
    assert wanted_topics(pipeline(replicas=replicas), brokers)["raw"].replicas == expected


@pytest.mark.parametrize(
    ("existing", "grow", "configure"),
    [
        (ExistingTopic(4, RAW), {}, {}),
        (ExistingTopic(4, {**RAW, "segment.bytes": "1"}), {}, {}),
        (ExistingTopic(1, RAW), {"raw": 4}, {}),
        (ExistingTopic(4, {**RAW, "retention.ms": "1"}), {}, {"raw": {"retention.ms": "86400000"}}),
        (ExistingTopic(2, DAY), {"raw": 4}, {"raw": {key: RAW[key] for key in RAW.keys() - DAY}}),
        (
            ExistingTopic(4, {**RAW, "message.timestamp.type": "CreateTime"}),
            {},
            {"raw": {"message.timestamp.type": "LogAppendTime"}},
        ),
    ],
)
def test_an_existing_topic_is_brought_to_what_is_wanted(
    existing: ExistingTopic, grow: dict[str, int], configure: dict[str, dict[str, str]]
) -> None:
    wanted = {"raw": wanted_topics(pipeline(), brokers=1)["raw"]}
    assert plan_topics(wanted, {"raw": existing}) == TopicPlan([], grow, configure)


def test_the_clock_of_a_topic_of_another_kafka_is_left_alone() -> None:
    external = a_pipeline(kafka={"external": {"bootstrapServers": "k:9092"}})
    assert "message.timestamp.type" not in wanted_topics(external, brokers=1)["raw"].config


def test_a_missing_topic_is_created() -> None:
    wanted = wanted_topics(pipeline(), brokers=1)
    plan = plan_topics(wanted, {"raw": ExistingTopic(4, RAW)})
    assert [spec.name for spec in plan.create] == ["web.invalid", "web.sink-dead-letters", "web.client-rate"]


def test_nothing_to_do_is_false() -> None:
    assert not TopicPlan()
    assert TopicPlan(grow={"raw": 2})


def test_partitions_never_shrink_and_the_message_says_where_to_write_what() -> None:
    with pytest.raises(LogPipelineError) as error:
        plan_topics(wanted_topics(pipeline(partitions=2), brokers=1), {"raw": ExistingTopic(8, RAW)})
    assert error.value.message == (
        "spec.source.topic.partitions: the topic 'raw' has 8 partitions and they never shrink to 2; write 8, or name another topic"
    )


def test_a_goals_topic_is_named_by_its_place() -> None:
    with pytest.raises(LogPipelineError, match=r"^spec\.goals\[0\]\.topic\.partitions: "):
        plan_topics(wanted_topics(pipeline(), brokers=1), {"web.client-rate": ExistingTopic(3, DAY)})


@pytest.mark.parametrize(
    ("committed", "lag"),
    [
        ({0: 10, 1: 50}, 0),
        ({0: 7, 1: 48}, 5),
        ({0: 10}, 20),  # of a partition without an offset all that is kept is waiting
        ({0: 10, 1: 20}, 20),  # what has expired waits no more
        ({0: 12, 1: 50}, 0),  # committed after the ends were asked for
    ],
)
def test_lag_is_what_is_kept_and_not_committed(committed: dict[int, int], lag: int) -> None:
    assert Offsets({0: 0, 1: 30}, {0: 10, 1: 50}).lag(committed) == lag
