"""A pipeline with a Prometheus and two Alertmanagers that watch it."""

from __future__ import annotations

from pathlib import Path

from alertmanagers import Alertmanagers
from certificates import Authority
from external_services import secret
from installation import Operator
from kubectl import Namespace
from pipelines_on_cluster import Pipeline, resource
from prometheus import Prometheus

NAME = "shop"
SMALL = {"requests": {"cpu": "100m", "memory": "448Mi"}}


class Watched:
    """The pipeline and those who watch it."""

    def __init__(self, namespace: Namespace, operator: Operator, folder: Path) -> None:
        self.namespace = namespace
        self._folder = folder
        self.alertmanagers = Alertmanagers(namespace)
        host = self.alertmanagers.url.removeprefix("http://")
        self.prometheus = Prometheus(namespace, operator.namespace.name, host)
        self.put_certificate(300)
        document = resource(
            NAME,
            "client-rate",
            "host-latency",
            source={
                "topic": {"partitions": 4, "replicas": 3},
                "allowedLateness": "5s",
                "generator": {"ratePerSecond": 100, "offendersEvery": "4s"},
            },
            kafka={"managed": {"replicas": 3, "storage": {"size": "1Gi"}, "resources": SMALL}},
            sink={"elasticsearch": {"managed": {"storage": {"size": "1Gi"}}}},
            alerting={"alertmanager": {"url": self.alertmanagers.url, "secretRef": {"name": "alertmanager"}}},
        )
        for goal in document["spec"]["goals"]:
            goal["topic"] = {"replicas": 3}
        self.pipeline = Pipeline(namespace, document)

    def put_certificate(self, days: int) -> None:
        """Let the authority in Alertmanager's Secret end after so many days."""
        self.namespace.apply(secret("alertmanager", {"ca.crt": Authority(self._folder, days).certificate}))

    def firing(self) -> set[str]:
        """The alerts on the pipeline that fire now, by name."""
        return {name for name, pipeline in self.prometheus.firing() if pipeline == NAME}

    def told(self, name: str, status: str, since: float) -> bool:
        """Whether a person was told so of the pipeline since then."""
        return any(
            one.labels["alertname"] == name
            and one.labels.get("pipeline") == NAME
            and one.status == status
            and one.at >= since
            for one in self.alertmanagers.notifications()
        )
