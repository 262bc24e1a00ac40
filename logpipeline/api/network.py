"""Who may reach the pods of a pipeline, in the words of Kubernetes' NetworkPolicy."""

from __future__ import annotations

import ipaddress
import re
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, Field, model_validator

from logpipeline.api.base import Matching, Model, part
from logpipeline.api.cel import CelRule
from logpipeline.api.pods import LABEL_VALUE, QUALIFIED_NAME

# Not rules of the CRD: in lists of lists their estimated cost exceeds the API server's limit.
_KEY, _VALUE = re.compile(QUALIFIED_NAME), re.compile(LABEL_VALUE)
_CIDR = Matching("cidr", r"^[0-9a-fA-F.:]+/[0-9]{1,3}$", "is not a CIDR; write for example 10.0.0.0/8")
_VALUES = "operators In and NotIn take values, Exists and DoesNotExist take none; add values, or leave them out"
_PEER = "a peer is either an ipBlock, or a podSelector, a namespaceSelector or both; give one of the two kinds"


def _key(value: str) -> str:
    if not _KEY.fullmatch(value):
        raise ValueError(f"{value!r} is not the key of a label; write for example app or app.kubernetes.io/name")
    return value


def _value(value: str) -> str:
    if not _VALUE.fullmatch(value):
        raise ValueError(f"{value!r} is not the value of a label; use letters, digits, hyphens, dots and underscores")
    return value


class LabelExpression(Model):
    """One requirement of a label selector, as in Kubernetes."""

    key: Annotated[str, AfterValidator(_key)] = Field(max_length=317, description="Key of the label.")
    operator: Literal["In", "NotIn", "Exists", "DoesNotExist"] = Field(description="How the label is compared.")
    values: list[Annotated[str, Field(max_length=63), AfterValidator(_value)]] = Field(
        default_factory=list, max_length=20, description="For In and NotIn."
    )

    cel: ClassVar = (
        CelRule(
            "expression-values",
            "(self.operator in ['In', 'NotIn']) == (has(self.values) && size(self.values) > 0)",
            _VALUES,
            field="values",
        ),
    )

    @model_validator(mode="after")
    def _values_fit(self) -> LabelExpression:
        if (self.operator in ("In", "NotIn")) != bool(self.values):
            raise ValueError(_VALUES)
        return self


class LabelSelector(Model):
    """A label selector as in Kubernetes; an empty one selects everything."""

    match_labels: dict[
        Annotated[str, AfterValidator(_key)], Annotated[str, Field(max_length=63), AfterValidator(_value)]
    ] = Field(default_factory=dict, max_length=10, description="Labels and their values.")
    match_expressions: list[LabelExpression] = Field(
        default_factory=list, max_length=10, description="Requirements, all of which hold."
    )


class IpBlock(Model):
    """A range of addresses, as in a NetworkPolicy."""

    cidr: Annotated[str, Field(max_length=43), _CIDR] = Field(description="For example 10.0.0.0/8.")
    except_: list[Annotated[str, Field(max_length=43), _CIDR]] = Field(
        default_factory=list, alias="except", max_length=20, description="Ranges within it that are left out."
    )

    @model_validator(mode="after")
    def _is_a_range(self) -> IpBlock:
        try:
            network = ipaddress.ip_network(self.cidr, strict=False)
        except ValueError as error:
            raise ValueError("cidr is not a CIDR; write for example 10.0.0.0/8") from error
        for within in self.except_:
            try:
                inner = ipaddress.ip_network(within, strict=False)
            except ValueError as error:
                raise ValueError(f"except: {within!r} is not a CIDR; write for example 10.1.0.0/16") from error
            if inner.version != network.version or not inner.subnet_of(network):  # type: ignore[arg-type]
                raise ValueError(f"except: {within!r} is not within {self.cidr!r}; leave it out")
        return self


class Peer(Model):
    """Who may connect, as in the `from` of a NetworkPolicy."""

    pod_selector: LabelSelector | None = Field(
        None, description="Pods of the namespaces selected; without namespaceSelector of the pipeline's own."
    )
    namespace_selector: LabelSelector | None = Field(
        None, description="Namespaces; without podSelector all of their pods."
    )
    ip_block: IpBlock | None = Field(None, description="Addresses outside of the cluster.")

    cel: ClassVar = (
        CelRule("peer", "has(self.ipBlock) != (has(self.podSelector) || has(self.namespaceSelector))", _PEER),
    )

    @model_validator(mode="after")
    def _is_one_kind(self) -> Peer:
        selects = self.pod_selector is not None or self.namespace_selector is not None
        if (self.ip_block is not None) == selects:
            raise ValueError(_PEER)
        return self


_Peers = Annotated[list[Peer], Field(max_length=20)]
# The label that Prometheus' own operator and its charts put on its pods.
_PROMETHEUS: dict[str, Any] = {
    "namespaceSelector": {},
    "podSelector": {"matchLabels": {"app.kubernetes.io/name": "prometheus"}},
}


def _peers(description: str) -> Any:
    return Field(default_factory=list, description=description)


class AllowedPeers(Model):
    """Who else may connect, beside the pipeline's own pods and the operator."""

    kafka: _Peers = _peers("Clients of the managed Kafka: producers of the raw topic, consumers of results.")
    elasticsearch: _Peers = _peers("Clients of the managed Elasticsearch.")
    kibana: _Peers = _peers("Who opens the managed Kibana, such as an ingress controller.")
    console: _Peers = _peers("Who opens the console, such as an ingress controller.")
    metrics: _Peers = Field(
        default_factory=lambda: [Peer.model_validate(_PROMETHEUS)],
        description="Who scrapes the metrics of all components; absent: pods labelled app.kubernetes.io/name: "
        "prometheus, in any namespace.",
        json_schema_extra={"default": [_PROMETHEUS]},
    )


class NetworkPolicies(Model):
    """A NetworkPolicy for each component. A network that does not enforce them ignores them."""

    enabled: bool = Field(True, description="Make the policies; false: whoever reaches a pod may connect.")
    allow: AllowedPeers = part(AllowedPeers, "Who else may connect.")
