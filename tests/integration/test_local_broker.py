"""What a run sees of its topics is what they are, not what they were made as."""

from __future__ import annotations

from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewPartitions  # type: ignore[attr-defined]  # exported, but not by __all__

from logpipeline.api import load
from logpipeline.local.broker import Broker as RunsBroker
from processes import Broker
from test_elasticsearch_sink import wait_until
from test_up import SAMPLE


def test_records_in_partitions_that_somebody_added_are_counted(kafka: Broker) -> None:
    client = {"bootstrap.servers": kafka.bootstrap_servers}
    seen = RunsBroker(client, own_port=None)
    assert seen.check() is None
    assert seen.ensure_topics(load(SAMPLE)) is None
    raw = seen.topics["raw"]
    admin = AdminClient(client)  # held until the answer is there
    admin.create_partitions([NewPartitions(raw, 6)])[raw].result(timeout=30)
    # The broker answers before it has heard of them from its controller.
    wait_until(lambda: len(admin.list_topics(raw).topics[raw].partitions) == 6, lambda: "six partitions")
    producer = Producer(client)
    for partition in range(6):
        producer.produce(raw, b"{}", partition=partition)
    assert producer.flush(30) == 0
    offsets = seen.offsets()
    assert offsets is not None
    assert offsets["raw"].total == 6
