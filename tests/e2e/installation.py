"""The operator as users install it, and what it tells of itself."""

from __future__ import annotations

from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from kubectl import Namespace, run, wait_for

CHART = Path(__file__).parents[2] / "charts" / "logpipeline-operator"
# The node of `make cluster-up` has no registry to pull Elastic's images from; ours is laid out like the official one.
ELASTICSEARCH = "docker.io/logpipeline/elasticsearch:0.1.0"
_LABELS = "app.kubernetes.io/name=logpipeline-operator,app.kubernetes.io/component!=test"


class Operator:
    """A release of the chart."""

    def __init__(self, namespace: Namespace) -> None:
        self.namespace = namespace

    def install(self, *values: str) -> None:
        """Install or upgrade the release and wait until the operator works."""
        settings = [
            argument for value in (f"images.elasticsearch={ELASTICSEARCH}", *values) for argument in ("--set", value)
        ]
        release = ("upgrade", "--install", "logpipeline", str(CHART), "--namespace", self.namespace.name)
        run("helm", *release, *settings, "--wait", "--timeout", "120s", seconds=180)

    def uninstall(self) -> None:
        run("helm", "uninstall", "logpipeline", "--namespace", self.namespace.name, "--wait")

    def pod(self) -> str:
        """The name of the pod that runs."""

        def running() -> str | None:
            pods = [pod for pod in self.namespace.list("pods", _LABELS) if "deletionTimestamp" not in pod["metadata"]]
            return next((pod["metadata"]["name"] for pod in pods if _is_ready(pod)), None)

        return wait_for("the operator's pod", running, 60)

    def metrics(self) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
        """What the operator counts, by name and labels."""
        path = f"/api/v1/namespaces/{self.namespace.name}/pods/{self.pod()}:8080/proxy/metrics"
        text = run("kubectl", "get", "--raw", path)
        return {
            (sample.name, tuple(sorted(sample.labels.items()))): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }

    def writes(self) -> float:
        """How many children it has written since it started; its own canary is no child."""
        return sum(
            value
            for (name, labels), value in self.metrics().items()
            if name == "logpipeline_operator_writes_total" and ("kind", "LogPipeline") not in labels
        )

    def logs(self) -> str:
        return self.namespace.kubectl("logs", self.pod(), "--tail=-1")

    def check(self) -> None:
        """Demand that its process has not ended by itself: whoever starts it again hides that."""
        for pod in self.namespace.list("pods", _LABELS):
            for container in pod["status"].get("containerStatuses", []):
                if container["restartCount"]:
                    last = self.namespace.kubectl("logs", pod["metadata"]["name"], "--previous", "--tail=20")
                    raise AssertionError(f"{pod['metadata']['name']} has ended by itself: {last}")


def _is_ready(pod: dict) -> bool:  # type: ignore[type-arg]
    conditions = pod["status"].get("conditions", [])
    return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)
