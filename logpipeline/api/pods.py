"""What a user may say of the pods that run a component: image, resources, placement."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, model_validator

from logpipeline.api.base import PRUNED, Cpu, ImageName, KeysMatching, Matching, Model, ObjectName, Quantity
from logpipeline.api.cel import CelRule
from logpipeline.api.quantity import bytes_of, cores_of

QUALIFIED_NAME = r"^([a-z0-9]([-.a-z0-9]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([-._A-Za-z0-9]{0,61}[A-Za-z0-9])?$"
LABEL_VALUE = r"^([A-Za-z0-9]([-._A-Za-z0-9]*[A-Za-z0-9])?)?$"
_KEYS = KeysMatching(
    "label-keys",
    QUALIFIED_NAME,
    "is not the key of a label; use letters, digits, hyphens, dots and underscores, after example.com/ if you like",
)
Labels = Annotated[
    dict[
        str,
        Annotated[
            str,
            Field(max_length=63),
            Matching(
                "label-value",
                LABEL_VALUE,
                "is not the value of a label; use letters, digits, hyphens, dots and underscores",
            ),
        ],
    ],
    Field(max_length=50),
    _KEYS,
    PRUNED,
]
Annotations = Annotated[dict[str, Annotated[str, Field(max_length=16384)]], Field(max_length=50), _KEYS, PRUNED]


class ResourceList(Model):
    """Amounts of CPU and memory."""

    cpu: Cpu | None = Field(None, description="CPU, for example 500m or 2.")
    memory: Quantity | None = Field(None, description="Memory, for example 768Mi.")


def _at_least(of: str, as_text: str) -> CelRule:
    limit, request = as_text.format(f"self.limits.{of}"), as_text.format(f"self.requests.{of}")
    given = " && ".join(f"has(self.{side}) && has(self.{side}.{of})" for side in ("limits", "requests"))
    return CelRule(
        f"{of}-limit",
        f"!({given}) || !isQuantity({limit}) || !isQuantity({request}) || "
        f"quantity({limit}).compareTo(quantity({request})) >= 0",
        f"limits.{of} is less than requests.{of}; raise the limit or lower the request",
        field="limits",
    )


class Resources(Model):
    """Requests and limits of a container, as in a pod."""

    requests: ResourceList = Field(default_factory=ResourceList, description="What the scheduler sets aside.")
    limits: ResourceList = Field(default_factory=ResourceList, description="What the container never exceeds.")

    cel: ClassVar = (_at_least("cpu", "string({})"), _at_least("memory", "{}"))

    @model_validator(mode="after")
    def _limits_hold_requests(self) -> Resources:
        limits, requests = self.limits, self.requests
        for name, limit, request, amount in (
            ("cpu", limits.cpu, requests.cpu, cores_of),
            ("memory", limits.memory, requests.memory, bytes_of),
        ):
            if limit is not None and request is not None and amount(limit) < amount(request):
                raise ValueError(f"limits.{name} is less than requests.{name}; raise the limit or lower the request")
        return self


_ALL_TAINTS = "a toleration without key needs operator: Exists, and bears every taint; give a key"
_EXISTS = "operator Exists takes no value; leave value out, or write Equal"
_SECONDS = "tolerationSeconds is for effect NoExecute; write that effect, or leave tolerationSeconds out"


class Toleration(Model):
    """A taint that the pods bear, as in a pod."""

    key: Annotated[str, Field(max_length=316)] | None = Field(
        None, description="Key of the taint; absent with operator Exists: every taint."
    )
    operator: Literal["Equal", "Exists"] | None = Field(None, description="Absent: Equal.")
    value: Annotated[str, Field(max_length=63)] | None = Field(None, description="Value of the taint.")
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None = Field(None, description="Absent: all.")
    toleration_seconds: Annotated[int, Field(ge=0, le=2**31 - 1)] | None = Field(
        None, description="How long NoExecute is borne."
    )

    cel: ClassVar = (
        CelRule("toleration-key", "has(self.key) || has(self.operator) && self.operator == 'Exists'", _ALL_TAINTS),
        CelRule("toleration-value", "!has(self.value) || !has(self.operator) || self.operator != 'Exists'", _EXISTS),
        CelRule(
            "toleration-seconds",
            "!has(self.tolerationSeconds) || has(self.effect) && self.effect == 'NoExecute'",
            _SECONDS,
        ),
    )

    @model_validator(mode="after")
    def _is_a_toleration(self) -> Toleration:
        if self.key is None and self.operator != "Exists":
            raise ValueError(_ALL_TAINTS)
        if self.operator == "Exists" and self.value is not None:
            raise ValueError(_EXISTS)
        if self.toleration_seconds is not None and self.effect != "NoExecute":
            raise ValueError(_SECONDS)
        return self


class Pod(Model):
    """Placement and metadata of a component's pods. What keeps them restricted is not among it."""

    labels: Labels = Field(default_factory=dict, description="Labels to add; ours win.")
    annotations: Annotations = Field(default_factory=dict, description="Annotations to add; ours win.")
    node_selector: Labels = Field(default_factory=dict, description="Labels of the nodes to run on.")
    tolerations: list[Toleration] = Field(default_factory=list, max_length=50, description="Taints that are borne.")
    affinity: dict[str, Any] | None = Field(None, description="As in a pod; absent: replicas spread over nodes.")
    priority_class_name: ObjectName | None = Field(None, description="PriorityClass of the pods.")
    image_pull_secrets: list[ObjectName] = Field(
        default_factory=list, max_length=10, description="Names of Secrets to pull images with."
    )


class Workload(Model):
    """What every component's container can be told."""

    image: ImageName | None = Field(None, description="Image; absent: the operator's default for the component.")
    resources: Resources | None = Field(None, description="Absent: the component's proven default.")
    pod: Pod = Field(default_factory=Pod, description="Placement and metadata of the pods.")
