"""The kinds of objects that a LogPipeline has as children, and their addresses at the API server."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from logpipeline.api.resource import API_VERSION, GROUP, KIND, VERSION

Document = dict[str, Any]

MANAGED_BY = "logpipeline-operator"
MANAGED_BY_LABEL = "app.kubernetes.io/managed-by"
INSTANCE_LABEL = "app.kubernetes.io/instance"
COMPONENT_LABEL = "app.kubernetes.io/component"
GOAL_LABEL = f"{GROUP}/goal"
REPORT_LABEL = f"{GROUP}/report"
# Which pipeline a claim is of. A GitOps tool that finds its objects by the instance label (Argo CD, tracking by label)
# deletes what carries it and has no owner, and a retained claim has none.
PIPELINE_LABEL = f"{GROUP}/pipeline"


@dataclass(frozen=True)
class Kind:
    """A namespaced kind; `applied` is False for what others create and the operator only watches."""

    group: str
    version: str
    name: str
    plural: str
    applied: bool = True

    @property
    def api_version(self) -> str:
        """As objects write it, e.g. `apps/v1`."""
        return f"{self.group}/{self.version}" if self.group else self.version

    def path(self, namespace: str | None, name: str | None = None) -> str:
        """Return the path of an object, of a namespace's objects, or of all when there is no namespace."""
        root = f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"
        middle = f"/namespaces/{namespace}" if namespace is not None else ""
        return f"{root}{middle}/{self.plural}" + (f"/{name}" if name is not None else "")


POD = Kind("", "v1", "Pod", "pods", applied=False)
STATEFUL_SET = Kind("apps", "v1", "StatefulSet", "statefulsets")
DEPLOYMENT = Kind("apps", "v1", "Deployment", "deployments")
CRON_JOB = Kind("batch", "v1", "CronJob", "cronjobs")
VOLUME_CLAIM = Kind("", "v1", "PersistentVolumeClaim", "persistentvolumeclaims")
CHILDREN = (
    Kind("", "v1", "ServiceAccount", "serviceaccounts"),
    Kind("", "v1", "ConfigMap", "configmaps"),
    Kind("", "v1", "Service", "services"),
    VOLUME_CLAIM,
    Kind("networking.k8s.io", "v1", "NetworkPolicy", "networkpolicies"),
    Kind("policy", "v1", "PodDisruptionBudget", "poddisruptionbudgets"),
    Kind("rbac.authorization.k8s.io", "v1", "Role", "roles"),
    Kind("rbac.authorization.k8s.io", "v1", "RoleBinding", "rolebindings"),
    STATEFUL_SET,
    DEPLOYMENT,
    CRON_JOB,
    POD,
)
PIPELINE = Kind(GROUP, VERSION, KIND, "logpipelines")
assert PIPELINE.api_version == API_VERSION
SECRET = Kind("", "v1", "Secret", "secrets", applied=False)
# What is the same under both groups can be selected by the object's uid in this one alone.
CORE_EVENT = Kind("", "v1", "Event", "events", applied=False)
EVENT = Kind("events.k8s.io", "v1", "Event", "events", applied=False)

_BY_NAME = {(kind.api_version, kind.name): kind for kind in (*CHILDREN, PIPELINE)}


@dataclass(frozen=True, order=True)
class PipelineKey:
    """Which pipeline."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True)
class ObjectKey:
    """Which object of a namespace."""

    kind: str
    name: str


def kind_of(document: Mapping[str, Any]) -> Kind:
    """Return the kind of an object; raises KeyError for one that the operator does not manage."""
    return _BY_NAME[document["apiVersion"], document["kind"]]


def key_of(document: Mapping[str, Any]) -> ObjectKey:
    """Return which object of its namespace this is."""
    return ObjectKey(document["kind"], document["metadata"]["name"])


def pipeline_key(document: Mapping[str, Any]) -> PipelineKey:
    """Return which pipeline a LogPipeline is."""
    return PipelineKey(document["metadata"]["namespace"], document["metadata"]["name"])


def pipeline_of(document: Mapping[str, Any]) -> PipelineKey | None:
    """Return the pipeline that a child belongs to by its labels, None for what is not ours."""
    metadata = document.get("metadata", {})
    labels = metadata.get("labels") or {}
    # Claims that an earlier version has made have the instance label alone.
    name = labels.get(PIPELINE_LABEL) or labels.get(INSTANCE_LABEL)
    if labels.get(MANAGED_BY_LABEL) != MANAGED_BY or name is None:
        return None
    return PipelineKey(metadata["namespace"], name)
