"""Secrets that the operator generates, once for each pipeline, and never reads into anything that it writes."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from logpipeline.api import LogPipeline
from logpipeline_operator.desired.component import Component, child_name

CONNECT_USERS = "users.properties"
SPARK_KEY = "secret"
_CONNECT_USER = "logpipeline"


@dataclass(frozen=True)
class GeneratedSecret:
    """A Secret of a component and how its entries follow from one random text of letters, digits, `-` and `_`."""

    component: Component
    name: str
    entries: Callable[[str], Mapping[str, str]]

    @property
    def keys(self) -> frozenset[str]:
        """The names of its entries."""
        return frozenset(self.entries(""))

    def document(self, random: str) -> dict[str, Any]:
        """Return the Secret with `random` in it; it goes when the pipeline goes."""
        data = {key: base64.b64encode(value.encode()).decode() for key, value in self.entries(random).items()}
        return self.component.object("v1", "Secret", self.name, type="Opaque", immutable=True, data=data)


def generated_secrets(pipeline: LogPipeline) -> list[GeneratedSecret]:
    """Return the Secrets that the pipeline needs and no user gives."""
    found = []
    if pipeline.spec.sink is not None:
        found.append(GeneratedSecret(Component(pipeline, "connect"), connect_secret_name(pipeline), _connect))
    if pipeline.spec.spark.executors:
        found.append(GeneratedSecret(Component(pipeline, "goal"), spark_secret_name(pipeline), _spark))
    return found


def connect_secret_name(pipeline: LogPipeline) -> str:
    """Return the name of the Secret with the credential of Connect's REST API."""
    return child_name(pipeline.name, "connect", "rest")


def spark_secret_name(pipeline: LogPipeline) -> str:
    """Return the name of the Secret that the goals' drivers and executors share."""
    return child_name(pipeline.name, "goals", "spark")


def _connect(random: str) -> dict[str, str]:
    return {
        "username": _CONNECT_USER,
        "password": random,
        # As Connect's PropertyFileLoginModule reads it. It lets everybody in by an empty file.
        CONNECT_USERS: f"{_CONNECT_USER}={random}\n",
    }


def _spark(random: str) -> dict[str, str]:
    return {SPARK_KEY: random}
