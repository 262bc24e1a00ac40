"""The managed Elasticsearch, a single node of the official image or of one that is laid out like it."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import yaml

from logpipeline.api import LogPipeline
from logpipeline.elastic.node import single_node
from logpipeline_operator.desired import pods, quantities
from logpipeline_operator.desired.addresses import EVERYWHERE, elasticsearch_port
from logpipeline_operator.desired.component import Component
from logpipeline_operator.settings import Settings

_RESOURCES = {"requests": {"cpu": "200m", "memory": "768Mi"}, "limits": {"memory": "1536Mi"}}
# Elastic says half at most; small limits leave less beside the heap than the code of the official distribution takes.
_HEAP_SHARE, _MOST_HEAP = Fraction(3, 8), 31 * 1024
# A large index is recovered before the node answers.
_START_SECONDS = 600
# The user of the official image.
_USER = 1000
_HOME = "/usr/share/elasticsearch"
_TRANSPORT_PORT = 9300

# What only the official distribution knows, which takes settings from its environment, and ours does not.
_OFFICIAL = {
    # Nothing but the pipeline's own pods reaches it; TLS and users are for an external one.
    "xpack.security.enabled": "false",
    # Native processes beside the heap that nobody uses here.
    "xpack.ml.enabled": "false",
}

# The official options log every collection to files; here only warnings are logged, to where everything else is.
_QUIET = "-Xlog:disable -Xlog:all=warning:stderr:utctime,level,tags"


def objects(pipeline: LogPipeline, settings: Settings) -> list[dict[str, Any]]:
    """Return the objects of the managed Elasticsearch, none for an external one or a pipeline without a sink."""
    managed = pipeline.spec.sink.elasticsearch.managed if pipeline.spec.sink else None
    if managed is None:
        return []
    component = Component(pipeline, "elasticsearch")
    port = elasticsearch_port(pipeline)
    node = single_node(pipeline.name, f"{_HOME}/data", f"{_HOME}/logs", port, _TRANSPORT_PORT, host=EVERYWHERE)
    # Without it a node wants vm.max_map_count raised, which takes a privileged pod.
    data = {"elasticsearch.yml": yaml.safe_dump(node | {"node.store.allow_mmap": False})}
    claim = f"data-{component.name}-0"
    resources = quantities.merged(_RESOURCES, managed.resources)
    image = managed.image or settings.images.elasticsearch
    # The official start-up writes its keystore beside its settings, so these are copied to where it can.
    writable = pods.temporary("16Mi", "/config", "writable-config")
    settings_file = pods.files(component, "/settings")
    copy = pods.container(
        "settings",
        image,
        resources,
        [writable, settings_file],
        command=["sh", "-c", f"cp -R {_HOME}/config/. /config/ && cp /settings/elasticsearch.yml /config/"],
    )
    volumes = [
        pods.claimed("data", f"{_HOME}/data", claim),
        pods.temporary("16Mi", f"{_HOME}/config", "writable-config"),
        pods.temporary("256Mi", f"{_HOME}/logs", "logs"),
        pods.temporary("512Mi"),
    ]
    health = "/_cluster/health?local=true&timeout=1s"
    heap = quantities.heap_mebibytes(resources, _HEAP_SHARE, _MOST_HEAP)
    container = pods.container(
        "elasticsearch",
        image,
        resources,
        volumes,
        env=pods.environment({**_OFFICIAL, "ES_JAVA_OPTS": f"-Xms{heap}m -Xmx{heap}m {_QUIET}"}),
        ports=[{"name": "http", "containerPort": port}],
        **pods.probes(
            startup=pods.http(health, port),
            # Red is not ready: a shard that holds the records is missing.
            readiness=pods.http(f"{health}&wait_for_status=yellow", port),
            liveness=pods.connects(port),
            start_seconds=_START_SECONDS,
        ),
    )
    plan = pods.PodPlan(
        [container],
        [*volumes, settings_file],
        managed.pod,
        grace_seconds=60,
        config=data,
        user=_USER,
        extra={"initContainers": [copy]},
    )
    return [
        component.config_map(data),
        component.claim(claim, managed.storage),
        component.service({"http": port}),
        pods.stateful_set(component, plan),
    ]
