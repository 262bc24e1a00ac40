"""Where a goal's work is done, as Spark configuration: in this process, or in executor pods that it starts."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from logpipeline.api.pods import Resources
from logpipeline.api.quantity import bytes_of, cores_of
from logpipeline.errors import LogPipelineError

_MIB = 1 << 20
# A JVM's heap is a quarter of its container: the rest is for the Python workers, which do the counting, and for what a
# JVM keeps outside of its heap. Spark refuses less than 450 MiB.
_HEAP_SHARE, _LEAST_HEAP = 4, 480 * _MIB
# What a goal takes beside the heap before it has read a record, measured: what the JVM keeps outside of it, the driver
# and the process that workers are forked from; and what each worker takes.
_FIXED, _WORKER = 400 * _MIB, 96 * _MIB
# An executor of 960 MiB ran the four presets; a whole core is what a task keeps busy.
EXECUTOR_MEMORY, _EXECUTOR_CPU = "960Mi", "200m"
# Every pod has the same two ports, so that a NetworkPolicy can name them.
DRIVER_PORT, BLOCK_MANAGER_PORT = 7078, 7079
# Driver and executors know each other by a secret of both, and what they send each other is encrypted and
# authenticated (https://spark.apache.org/docs/latest/security.html#spark-rpc-communication-protocol-between-spark-processes).
_SECURED = {
    "spark.authenticate": "true",
    "spark.network.crypto.enabled": "true",
    # The versions before derive keys in a way of their own, and their cipher notices no change on the way.
    "spark.network.crypto.authEngineVersion": "2",
    "spark.network.crypto.cipher": "AES/GCM/NoPadding",
    "spark.network.crypto.saslFallback": "false",
}
# On each executor, the pod that started it.
DRIVER_LABEL = "logpipeline.dev/driver"
# Pod names are DNS labels of 63; Spark adds `-exec-` and up to ten digits.
_PREFIX_CHARACTERS = 40


class Placement(Protocol):
    """What a session needs to know of where its work is done."""

    @property
    def address(self) -> str:
        """The address that this process listens on for its executors."""

    def settings(self) -> dict[str, str]:
        """Return the Spark configuration."""


@dataclass(frozen=True)
class InProcess:
    """Tasks run in this process' own JVM, whose heap has so many bytes; None: Spark's default."""

    cores: int
    heap: int | None = None
    address: str = "127.0.0.1"

    def settings(self) -> dict[str, str]:
        """Return the Spark configuration; nothing of it is for the network."""
        settings = {
            "spark.master": f"local[{self.cores}]",
            "spark.driver.host": self.address,
            "spark.driver.bindAddress": self.address,
        }
        if self.heap is not None:
            settings["spark.driver.memory"] = _mebibytes(self.heap)
        return settings


@dataclass(frozen=True)
class ExecutorPods:
    """Tasks run in `count` pods that Spark starts beside this one and Kubernetes removes with it.

    `template` is a pod with everything that Spark does not set itself: volumes, security context, labels. `secret` is
    the file, there in both kinds of pods, by which they know each other.
    """

    count: int
    image: str
    template: Path
    secret: Path
    pod: str
    namespace: str
    address: str
    memory: int | None = None
    resources: Resources = field(default_factory=Resources)

    def settings(self) -> dict[str, str]:
        """Return the Spark configuration. Each call names the pods anew: the last start's may still be ending."""
        limits, requests = self.resources.limits, self.resources.requests
        memory = bytes_of(limits.memory or requests.memory or EXECUTOR_MEMORY)
        cpu = requests.cpu or limits.cpu or _EXECUTOR_CPU
        slots = max(1, int(cores_of(limits.cpu or cpu)))
        settings = {
            **secured(self.secret),
            "spark.master": "k8s://https://kubernetes.default.svc",
            "spark.submit.deployMode": "client",
            "spark.driver.host": self.address,
            "spark.driver.bindAddress": "0.0.0.0",  # noqa: S104 - the executors are other pods
            "spark.driver.port": str(DRIVER_PORT),
            "spark.blockManager.port": str(BLOCK_MANAGER_PORT),
            "spark.kubernetes.namespace": self.namespace,
            "spark.kubernetes.container.image": self.image,
            "spark.kubernetes.container.image.pullPolicy": "IfNotPresent",
            # The owner of the executors, so that none outlives its driver.
            "spark.kubernetes.driver.pod.name": self.pod,
            "spark.kubernetes.executor.podTemplateFile": str(self.template),
            "spark.kubernetes.executor.podNamePrefix": self._prefix(),
            f"spark.kubernetes.executor.label.{DRIVER_LABEL}": self.pod,
            # What the driver's Role need not allow: a ConfigMap of Hadoop's settings, and to own volumes.
            "spark.kubernetes.executor.disableConfigMap": "true",
            "spark.kubernetes.driver.ownPersistentVolumeClaim": "false",
            "spark.kubernetes.driver.reusePersistentVolumeClaim": "false",
            "spark.kubernetes.driver.service.deleteOnTermination": "false",
            # Tasks wait for their executor anyway; the query may begin, and tell so, with the first.
            "spark.scheduler.minRegisteredResourcesRatio": "0",
            "spark.executor.instances": str(self.count),
            "spark.executor.cores": str(slots),
            "spark.kubernetes.executor.request.cores": cpu,
            "spark.executor.memory": _mebibytes(heap(memory)),
            "spark.executor.memoryOverhead": _mebibytes(memory - heap(memory)),
            # Before the first executor has registered Spark would take two.
            "spark.default.parallelism": str(self.count * slots),
        }
        if limits.cpu is not None:
            settings["spark.kubernetes.executor.limit.cores"] = limits.cpu
        if self.memory is not None:
            settings["spark.driver.memory"] = _mebibytes(heap(self.memory))
        return settings

    def _prefix(self) -> str:
        return f"{self.pod[:_PREFIX_CHARACTERS].rstrip('-.')}-{secrets.token_hex(3)}"


def secured(secret: Path) -> dict[str, str]:
    """Return the Spark configuration by which only those who have the file `secret` talk to each other."""
    # As a file: Spark would write a secret that it makes itself into the executors' pods, for all who may read those.
    return {**_SECURED, "spark.authenticate.secret.file": str(secret)}


def memory_of(limit: int | None, resources: Resources | None, goals: int) -> int | None:
    """Return the bytes of this process and its workers: the container's `limit`, or without one, as on a machine with
    no cluster, what the resource gives to the pod of each of the `goals` that run here; None when neither is said.
    """
    given = resources.limits.memory if resources else None
    if limit is None and given is not None:
        return bytes_of(given) * goals
    return limit


def heap(memory: int) -> int:
    """Return the heap, in bytes, of a JVM whose container has `memory` bytes."""
    return max(_LEAST_HEAP, memory // _HEAP_SHARE)


def data(memory: int) -> int:
    """Return the bytes that are left for cells, and all copies of them, in a container that has `memory` bytes: half of
    what is neither the JVM's nor the driver's, as the other half is for the workers themselves.
    """
    return max(0, memory - heap(memory) - _FIXED) // 2


def workers(memory: int) -> int:
    """Return how many tasks at a time a container of `memory` bytes has room for, at least 1."""
    return max(1, data(memory) // _WORKER)


def executor_pods(
    count: int,
    image: str | None,
    template: Path | None,
    secret: Path | None,
    environment: Mapping[str, str],
    *,
    memory: int | None,
    resources: Resources | None,
) -> ExecutorPods:
    """Return the executors of the pod that `environment` tells of; raises LogPipelineError naming what is missing."""
    names = ("POD_NAME", "POD_NAMESPACE", "POD_IP")
    given = {"--executor-image": image, "--executor-template": template, "--executor-secret": secret}
    missing = [option for option, value in given.items() if value is None]
    missing += [name for name in names if not environment.get(name)]
    if image is None or template is None or secret is None or missing:
        raise LogPipelineError(
            f"--executors {count}: executors are pods beside this one, which needs {', '.join(missing)}; "
            "leave --executors out to do the work in this process"
        )
    pod, namespace, address = (environment[name] for name in names)
    return ExecutorPods(count, image, template, secret, pod, namespace, address, memory, resources or Resources())


def _mebibytes(size: int) -> str:
    return f"{size // _MIB}m"
