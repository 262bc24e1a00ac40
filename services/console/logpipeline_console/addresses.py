"""Where the console finds the parts of the pipeline that it asks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Addresses:
    """Settings of Kafka clients, URLs of the parts; None for a part that the pipeline lacks.

    `connect_secret` holds username and password; `elasticsearch_secret` may hold apiKey, or username and password, and
    ca.crt.
    """

    kafka: Mapping[str, str]
    goals: tuple[str, ...]
    connect: str | None = None
    connect_secret: Mapping[str, str] | None = None
    elasticsearch: str | None = None
    elasticsearch_secret: Mapping[str, str] | None = None
    alert_bridge: str | None = None
    lake: str | None = None
