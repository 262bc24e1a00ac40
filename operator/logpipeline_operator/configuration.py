"""How the operator was installed, from its environment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields

from logpipeline.errors import LogPipelineError
from logpipeline_operator.settings import Images, OperatorPods, Settings

_PREFIX = "LOGPIPELINE_"
_BOOLEANS = {"true": True, "false": False}


@dataclass(frozen=True)
class Configuration:
    """What the chart's values come to. Times are seconds.

    `namespaces` is empty for the whole cluster; `namespace`, `pod_name`, `deployment` are its own. `resync` is the time
    between two full lists, `observe` that between two looks at a pipeline's components.
    """

    namespaces: tuple[str, ...]
    namespace: str
    pod_name: str
    resync: float
    observe: float
    workers: int
    leader_election: bool
    canary: bool
    deployment: str | None
    log_level: str
    log_format: str
    settings: Settings


def from_environment(environment: Mapping[str, str] = os.environ) -> Configuration:
    """Return the configuration; raises LogPipelineError naming the variable that makes no sense."""

    def text(name: str, default: str) -> str:
        return environment.get(_PREFIX + name, default).strip()

    def number(name: str, default: float) -> float:
        given = text(name, str(default))
        try:
            value = float(given)
        except ValueError:
            value = 0.0
        if not 0 < value < float("inf"):
            raise LogPipelineError(f"{_PREFIX}{name}: {given!r} is not a number above 0; the default is {default:g}")
        return value

    def choice(name: str, default: str, allowed: tuple[str, ...]) -> str:
        given = text(name, default).lower()
        if given not in allowed:
            raise LogPipelineError(f"{_PREFIX}{name}: {given!r} is not one of {', '.join(allowed)}")
        return given

    def boolean(name: str, default: str) -> bool:
        return _BOOLEANS[choice(name, default, tuple(_BOOLEANS))]

    def labels(name: str, default: Mapping[str, str]) -> dict[str, str]:
        given = text(name, ",".join(f"{key}={value}" for key, value in default.items()))
        pairs = [pair.partition("=") for pair in given.split(",")]
        if not all(key and value for key, _, value in pairs):
            raise LogPipelineError(f"{_PREFIX}{name}: {given!r} is not a list of labels; write key=value,key=value")
        return {key: value for key, _, value in pairs}

    namespace = environment.get("POD_NAMESPACE", "default")
    images = {name: text(f"IMAGE_{name.upper()}", "") for name in (field.name for field in fields(Images))}
    return Configuration(
        namespaces=tuple(sorted({name.strip() for name in text("NAMESPACES", "").split(",") if name.strip()})),
        namespace=namespace,
        pod_name=environment.get("POD_NAME", "logpipeline-operator"),
        resync=number("RESYNC_SECONDS", 300),
        observe=number("OBSERVE_SECONDS", 10),
        workers=round(number("WORKERS", 4)),
        leader_election=boolean("LEADER_ELECTION", "true"),
        canary=boolean("CANARY", "true"),
        deployment=text("DEPLOYMENT", "") or None,
        log_level=choice("LOG_LEVEL", "info", ("debug", "info", "warning", "error")),
        log_format=choice("LOG_FORMAT", "json", ("json", "text")),
        settings=Settings(
            images=Images(**{name: image for name, image in images.items() if image}),
            cluster_domain=text("CLUSTER_DOMAIN", Settings.cluster_domain),
            operator=OperatorPods(namespace, labels("POD_LABELS", OperatorPods().labels)),
        ),
    )
