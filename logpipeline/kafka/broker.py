"""Settings of a broker that the pipeline runs itself."""

from __future__ import annotations

from logpipeline.kafka.topics import RECORD_BYTES


def single_broker(data: str, port: int, controller_port: int, host: str = "127.0.0.1") -> dict[str, str]:
    """Return the properties of a lone KRaft node, broker and controller in one, that keeps its data in the folder
    `data`.
    """
    return {
        "process.roles": "broker,controller",
        "node.id": "1",
        "controller.quorum.voters": f"1@{host}:{controller_port}",
        "listeners": f"PLAINTEXT://{host}:{port},CONTROLLER://{host}:{controller_port}",
        "advertised.listeners": f"PLAINTEXT://{host}:{port}",
        "controller.listener.names": "CONTROLLER",
        "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
        "log.dirs": data,
        "message.max.bytes": str(RECORD_BYTES),
        # A misspelt name must be an error, not one more empty topic.
        "auto.create.topics.enable": "false",
        "offsets.topic.replication.factor": "1",
        "transaction.state.log.replication.factor": "1",
        "transaction.state.log.min.isr": "1",
        "share.coordinator.state.topic.replication.factor": "1",
        "share.coordinator.state.topic.min.isr": "1",
        # 50 is for hundreds of groups; each partition costs time at the first start.
        "offsets.topic.num.partitions": "4",
        # A lone consumer has nobody to wait for.
        "group.initial.rebalance.delay.ms": "0",
        # The cleaner only ever sees Connect's three small topics; its default buffer is a third of our heap.
        "log.cleaner.dedupe.buffer.size": str(8 * 1024 * 1024),
        "log.cleaner.threads": "1",
        "num.network.threads": "2",
        "num.io.threads": "4",
    }
