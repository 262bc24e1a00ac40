"""What a user may say of the pods that run a component: image, resources, placement."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from logpipeline.api.base import Cpu, ImageName, Model, Name, Quantity


class ResourceList(Model):
    """Amounts of CPU and memory."""

    cpu: Cpu | None = Field(None, description="CPU, for example 500m or 2.")
    memory: Quantity | None = Field(None, description="Memory, for example 768Mi.")


class Resources(Model):
    """Requests and limits of a container, as in a pod."""

    requests: ResourceList = Field(default_factory=ResourceList, description="What the scheduler sets aside.")
    limits: ResourceList = Field(default_factory=ResourceList, description="What the container never exceeds.")


class Toleration(Model):
    """A taint that the pods bear, as in a pod."""

    key: str | None = Field(None, description="Key of the taint; absent with operator Exists: every taint.")
    operator: Literal["Equal", "Exists"] | None = Field(None, description="Absent: Equal.")
    value: str | None = Field(None, description="Value of the taint.")
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None = Field(None, description="Absent: all.")
    toleration_seconds: int | None = Field(None, description="How long NoExecute is borne.")


class Pod(Model):
    """Placement and metadata of a component's pods. What keeps them restricted is not among it."""

    labels: dict[str, str] = Field(default_factory=dict, description="Labels to add; ours win.")
    annotations: dict[str, str] = Field(default_factory=dict, description="Annotations to add; ours win.")
    node_selector: dict[str, str] = Field(default_factory=dict, description="Labels of the nodes to run on.")
    tolerations: list[Toleration] = Field(default_factory=list, max_length=50, description="Taints that are borne.")
    affinity: dict[str, Any] | None = Field(None, description="As in a pod; absent: replicas spread over nodes.")
    priority_class_name: Name | None = Field(None, description="PriorityClass of the pods.")
    image_pull_secrets: list[Name] = Field(
        default_factory=list, max_length=10, description="Names of Secrets to pull images with."
    )


class Workload(Model):
    """What every component's container can be told."""

    image: ImageName | None = Field(None, description="Image; absent: the operator's default for the component.")
    resources: Resources | None = Field(None, description="Absent: the component's proven default.")
    pod: Pod = Field(default_factory=Pod, description="Placement and metadata of the pods.")
