"""Settings of the brokers that the pipeline runs itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from logpipeline.kafka.topics import RECORD_BYTES

# A user's own configuration may say otherwise.
_DEFAULTS = {
    # 50 is for hundreds of groups; each partition costs time at the first start.
    "offsets.topic.num.partitions": "4",
    "transaction.state.log.num.partitions": "4",
    # A lone consumer has nobody to wait for.
    "group.initial.rebalance.delay.ms": "0",
    # The cleaner only ever sees Connect's three small topics; its default buffer is a third of our heap.
    "log.cleaner.dedupe.buffer.size": str(8 * 1024 * 1024),
    "log.cleaner.threads": "1",
    "num.network.threads": "2",
    "num.io.threads": "4",
}


@dataclass(frozen=True)
class Node:
    """A KRaft node, broker and controller in one, and the name under which the others and the clients reach it."""

    id: int
    host: str
    port: int
    controller_port: int


def broker_properties(
    node: Node, nodes: Sequence[Node], *, data: str, listen: str, config: Mapping[str, str]
) -> dict[str, str]:
    """Return the properties of `node` in the cluster of all `nodes`, itself among them; it keeps its data in the folder
    `data`.

    `listen` is the address that it listens on, empty for all of its machine's. `config` are the user's own properties:
    they win over what is a matter of taste, and never over what the pipeline stands on.
    """
    replicas = min(3, len(nodes))
    # Two of three: the loss of one node loses no record and stops nobody.
    in_sync = max(1, replicas - 1)
    properties = {
        **_DEFAULTS,
        **config,
        "process.roles": "broker,controller",
        "node.id": str(node.id),
        "controller.quorum.voters": ",".join(f"{each.id}@{each.host}:{each.controller_port}" for each in nodes),
        "listeners": f"PLAINTEXT://{listen}:{node.port},CONTROLLER://{listen}:{node.controller_port}",
        "advertised.listeners": f"PLAINTEXT://{node.host}:{node.port}",
        "controller.listener.names": "CONTROLLER",
        "inter.broker.listener.name": "PLAINTEXT",
        "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
        "log.dirs": data,
        "message.max.bytes": str(RECORD_BYTES),
        # A misspelt name must be an error, not one more empty topic.
        "auto.create.topics.enable": "false",
        # A broker that lags behind and takes over would lose what was acknowledged.
        "unclean.leader.election.enable": "false",
        "default.replication.factor": str(replicas),
        "min.insync.replicas": str(in_sync),
        "offsets.topic.replication.factor": str(replicas),
        "transaction.state.log.replication.factor": str(replicas),
        "transaction.state.log.min.isr": str(in_sync),
        "share.coordinator.state.topic.replication.factor": str(replicas),
        "share.coordinator.state.topic.min.isr": str(in_sync),
    }
    # In one order, however the user's are written: the same properties are the same file, and roll nothing.
    return dict(sorted(properties.items()))
