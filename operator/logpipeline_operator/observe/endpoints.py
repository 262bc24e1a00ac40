"""Where the parts of a pipeline answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Endpoints:
    """Addresses as the operator reaches them. `brokers` is the number of our own, None for a Kafka that is not ours;
    `goals` are base URLs by the goal's name, all URLs without a path. None: the pipeline has no such part.
    """

    bootstrap_servers: str
    brokers: int | None
    goals: Mapping[str, str] = field(default_factory=dict)
    connect: str | None = None
    elasticsearch: str | None = None
    kibana: str | None = None
    lake: str | None = None
