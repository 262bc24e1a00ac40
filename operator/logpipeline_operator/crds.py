"""The CustomResourceDefinition on the cluster: applied by the chart's hook, compared by the operator at its start.

Helm installs CRDs once and never changes them, so `python -m logpipeline_operator.crds apply` does it server-side. The
CRD only goes forward: fields that an older one does not know would be pruned from every resource at its next write.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from functools import partial
from typing import Any

import click
import urllib3
from kubernetes import client, config

import logpipeline
from logpipeline.api.crd import custom_resource_definition
from logpipeline.errors import LogPipelineError

FIELD_MANAGER = "logpipeline-operator"
VERSION_LABEL = "app.kubernetes.io/version"
_PLURAL = ("apiextensions.k8s.io", "v1", "customresourcedefinitions")
_APPLY = "application/apply-patch+yaml"
_REQUEST_SECONDS = 10

CRD = dict[str, Any]


def wanted() -> CRD:
    """Return the CRD of this version of the operator, labelled with that version."""
    crd = custom_resource_definition()
    labels = crd["metadata"].setdefault("labels", {})
    labels |= {"app.kubernetes.io/part-of": "logpipeline", VERSION_LABEL: logpipeline.__version__}
    return crd


def stale(live: CRD, wanted: CRD) -> list[str]:
    """Return what `live` lacks of `wanted`, a line a fault; empty when an operator of `wanted` can work with it.

    More than what is wanted, the CRD of a newer operator, is no fault: that is how a roll-back works.
    """
    served = {version["name"]: version for version in live["spec"]["versions"] if version["served"]}
    faults = []
    for version in wanted["spec"]["versions"]:
        name = version["name"]
        if name not in served:
            faults.append(f"version {name} is not served")
            continue
        missing = set(version.get("subresources", {})) - set(served[name].get("subresources", {}))
        faults += [f"{name}: subresource {subresource} is missing" for subresource in sorted(missing)]
        live_schema, wanted_schema = (each["schema"]["openAPIV3Schema"] for each in (served[name], version))
        faults += [f"{name}: {fault}" for fault in _lacking(live_schema, wanted_schema, path="")]
    return faults


def newer(live: CRD, wanted: CRD) -> bool:
    """Return whether `live` was applied by a newer version than the one `wanted` belongs to."""
    live_version, wanted_version = (_release(crd["metadata"].get("labels", {})) for crd in (live, wanted))
    return live_version > wanted_version


def check(api: client.CustomObjectsApi) -> None:
    """Raise LogPipelineError when the CRD on the cluster is not there, or lacks what this version needs."""
    crd = wanted()
    name = crd["metadata"]["name"]
    live = _call(f"read {name}", api.get_cluster_custom_object, name, absent_is_none=True)
    remedy = (
        "apply it: `kubectl apply --server-side -f manifests/crd`, or upgrade the chart's release with crds.enabled"
    )
    if live is None:
        raise LogPipelineError(f"the CRD {name} is not on the cluster; {remedy}")
    if faults := stale(live, crd):
        raise LogPipelineError(
            f"the CRD {name} on the cluster is older than this operator: {'; '.join(faults)}; {remedy}"
        )


def apply(api: client.CustomObjectsApi, crd: CRD, timeout_seconds: float = 60) -> str:
    """Apply `crd` server-side, wait until it is served, and return one line about what was done.

    Raises LogPipelineError when the API server refuses it, cannot be reached, or does not serve it in time.
    """
    name = crd["metadata"]["name"]
    live = _call(f"read {name}", api.get_cluster_custom_object, name, absent_is_none=True)
    if live is not None and newer(live, crd):
        theirs, ours = (each["metadata"]["labels"][VERSION_LABEL] for each in (live, crd))
        return f"{name} is of version {theirs}, newer than {ours}: left as it is"
    patch = partial(api.patch_cluster_custom_object, field_manager=FIELD_MANAGER, force=True, _content_type=_APPLY)
    _call(f"apply {name}", patch, name, crd)
    deadline = time.monotonic() + timeout_seconds
    while waiting := _not_served(_call(f"read {name}", api.get_cluster_custom_object, name)):
        if time.monotonic() > deadline:
            raise LogPipelineError(f"{name} is not served after {timeout_seconds:g} s: {waiting}")
        time.sleep(0.2)
    return f"{name} is applied and served"


def connect() -> client.CustomObjectsApi:
    """Return the API of the cluster this pod runs in, else of the current kubeconfig; LogPipelineError for neither."""
    try:
        try:
            config.load_incluster_config()
        except config.ConfigException:
            config.load_kube_config()
    except config.ConfigException as error:
        raise LogPipelineError(f"no cluster: not in a pod, and no kubeconfig ({error}); set KUBECONFIG") from None
    return client.CustomObjectsApi()


def _lacking(live: CRD, wanted: CRD, path: str) -> Iterator[str]:
    at = path or "the resource"
    if live.get("x-kubernetes-preserve-unknown-fields"):
        return
    if live.get("type") != wanted.get("type"):
        yield f"{at} is of type {live.get('type')}, not {wanted.get('type')}"
        return
    if wanted.get("x-kubernetes-preserve-unknown-fields"):
        yield f"{at} does not keep unknown fields"
    if "enum" in live:
        for value in [value for value in wanted.get("enum", []) if value not in live["enum"]]:
            yield f"{at} does not allow {value!r}"
    for name, schema in wanted.get("properties", {}).items():
        below = f"{path}.{name}".lstrip(".")
        if name in live.get("properties", {}):
            yield from _lacking(live["properties"][name], schema, below)
        else:
            yield f"{below} is missing"
    for inner, sign in (("items", "[]"), ("additionalProperties", "{}")):
        if inner in wanted:
            yield from _lacking(live.get(inner, {}), wanted[inner], path + sign)


def _release(labels: dict[str, str]) -> tuple[int, ...]:
    found = re.match(r"\d+(\.\d+)*", labels.get(VERSION_LABEL, ""))
    return tuple(int(part) for part in found[0].split(".")) if found else ()


def _not_served(crd: CRD) -> str | None:
    """Return why `crd` is not served yet, or None when it is."""
    conditions = {each["type"]: each for each in crd.get("status", {}).get("conditions", [])}
    for kind in ("NamesAccepted", "Established"):
        condition = conditions.get(kind, {"status": "Unknown"})
        if condition["status"] != "True":
            return f"{kind} is {condition['status']}: {condition.get('message', 'not reported yet')}"
    return None


def _call(what: str, method: Any, *arguments: Any, absent_is_none: bool = False) -> Any:
    try:
        return method(*_PLURAL, *arguments, _request_timeout=_REQUEST_SECONDS)
    except client.ApiException as error:
        if error.status == 404 and absent_is_none:
            return None
        raise LogPipelineError(f"cannot {what}: {_message(error)}{_remedy(error)}") from None
    except urllib3.exceptions.HTTPError as error:
        raise LogPipelineError(f"cannot {what}: the API server does not answer: {error}") from None


def _message(error: client.ApiException) -> str:
    """Return what the API server says, or the bare HTTP reason when a proxy answered in its place."""
    try:
        return str(json.loads(error.body or "")["message"])
    except (TypeError, ValueError, KeyError):
        return f"HTTP {error.status} {error.reason}"


def _remedy(error: client.ApiException) -> str:
    if error.status == 403:
        return "; the right to get, create and patch this CRD is needed, see the chart's templates/crds-hook.yaml"
    return ""


@click.group()
def main() -> None:
    """The CustomResourceDefinition on the cluster."""


@main.command("apply")
@click.option("--timeout", "timeout_seconds", default=60.0, show_default=True, help="Seconds until it must be served.")
def _apply(timeout_seconds: float) -> None:
    """Apply the CRD of this version server-side and wait until it is served; never replaces a newer one."""
    click.echo(apply(connect(), wanted(), timeout_seconds))


if __name__ == "__main__":
    main()
