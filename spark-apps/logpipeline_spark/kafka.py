"""What is asked of Kafka before a goal starts, through the client on Spark's class path: that saves a second one."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from py4j.protocol import Py4JJavaError
from pyspark.sql import SparkSession

from logpipeline.api.kafka import KafkaSecurity
from logpipeline.errors import LogPipelineError
from logpipeline.kafka.security import check_credentials, java_settings, read_credentials

_LOG = logging.getLogger(__name__)
# A broker or topic that is not there yet may be in a moment; anything else Kafka says is final.
_NOT_YET = ("TimeoutException", "UnknownTopicOrPartitionException", "DisconnectException")
_LOOK_EVERY = 0.3
_TELL_EVERY = 30.0


def client_settings(security: KafkaSecurity | None, bootstrap_servers: str, secret: Path | None) -> dict[str, str]:
    """Return the settings of a Java client of the pipeline's Kafka; `security` is that of an external one, `secret` the
    folder of its mounted Secret.

    Raises LogPipelineError for a Secret that is not there or lacks a key.
    """
    settings = {"bootstrap.servers": bootstrap_servers}
    if security is None:
        return settings
    credentials = None
    if (reference := security.secret_ref) is not None:
        if secret is None:
            raise LogPipelineError(
                f"spec.kafka.external.security.secretRef: names the Secret {reference.name!r}; "
                "give the folder of its files with --kafka-secret, or kafka.secretFolder in a settings document"
            )
        credentials = read_credentials(secret)
    check_credentials(security, credentials)
    return settings | java_settings(security, credentials)


def partition_count(
    spark: SparkSession, kafka: Mapping[str, str], topic: str, stop: threading.Event, tell: Callable[[str], None]
) -> int:
    """Return how many partitions `topic` has, as soon as Kafka and the topic are there; 0 when `stop` is set before.

    A pipeline's parts start in any order, so it waits for as long as it takes and lets `tell` know what for. Raises
    LogPipelineError when Kafka refuses.
    """
    jvm: Any = spark.sparkContext._jvm  # noqa: SLF001 - the JVM's own classes
    properties = jvm.java.util.Properties()
    for key, value in kafka.items():
        properties.setProperty(key, value)
    properties.setProperty("default.api.timeout.ms", "5000")
    properties.setProperty("request.timeout.ms", "3000")
    where = f"topic {topic!r} at {kafka['bootstrap.servers']}"
    try:
        admin = jvm.org.apache.kafka.clients.admin.AdminClient.create(properties)
    except Py4JJavaError as error:
        raise LogPipelineError(f"{where} cannot be read: {_reason(error)}") from error
    told = -_TELL_EVERY
    try:
        while not stop.wait(_LOOK_EVERY):
            names = jvm.java.util.Collections.singletonList(topic)
            try:
                return int(admin.describeTopics(names).allTopicNames().get().get(topic).partitions().size())
            except Py4JJavaError as error:
                message = f"{where} cannot be read: {_reason(error)}"
                if error.java_exception.getCause().getClass().getSimpleName() not in _NOT_YET:
                    raise LogPipelineError(message) from error
                tell(message)
                if time.monotonic() - told >= _TELL_EVERY:
                    told = time.monotonic()
                    _LOG.info("waiting: %s", message)
        return 0
    finally:
        admin.close()


def _reason(error: Py4JJavaError) -> str:
    """Return what the innermost of the Java exceptions says: the outer ones only say that there is one."""
    exception = error.java_exception
    while (cause := exception.getCause()) is not None:
        exception = cause
    return str(exception.getMessage())
