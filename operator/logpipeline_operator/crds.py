"""The CustomResourceDefinition on the cluster: applied by the chart's hook, compared by the operator at its start.

Helm installs CRDs once and never changes them, so `python -m logpipeline_operator.crds apply` does it server-side. The
CRD only goes forward: fields that an older one does not know would be pruned from every resource at its next write.
"""

from __future__ import annotations

import json
import logging
import time
from functools import partial
from typing import Any

import click
import urllib3
from kubernetes import client, config

import logpipeline
from logpipeline.api.crd import custom_resource_definition
from logpipeline.errors import LogPipelineError
from logpipeline.plain import say
from logpipeline_operator.crd_versions import CRD, VERSION_LABEL, newer, stale

FIELD_MANAGER = "logpipeline-operator"
_PLURAL = ("apiextensions.k8s.io", "v1", "customresourcedefinitions")
_APPLY = "application/apply-patch+yaml"
_REQUEST_SECONDS = 10
_SHOWN = 5
_LOG = logging.getLogger(__name__)


def wanted() -> CRD:
    """Return the CRD of this version of the operator, labelled with that version."""
    crd = custom_resource_definition()
    labels = crd["metadata"].setdefault("labels", {})
    labels |= {"app.kubernetes.io/part-of": "logpipeline", VERSION_LABEL: logpipeline.__version__}
    return crd


def check(api: client.CustomObjectsApi) -> None:
    """Raise LogPipelineError when the CRD on the cluster is not there, or lacks what this version needs.

    An operator that may not read it, installed without cluster-wide rights, does without the check.
    """
    crd = wanted()
    name = crd["metadata"]["name"]
    remedy = (
        "apply it: `kubectl apply --server-side -k manifests/crd`, or upgrade the chart's release with crds.enabled"
    )
    try:
        live = _read(api, name)
    except _ForbiddenError as error:
        _LOG.warning("whether the CRD is older than this operator is not known: %s", error.message)
        return
    if live is None:
        raise LogPipelineError(f"the CRD {name} is not on the cluster; {remedy}")
    if faults := stale(live, crd):
        shown = faults[:_SHOWN] + ([f"and {len(faults) - _SHOWN} more"] if len(faults) > _SHOWN else [])
        raise LogPipelineError(
            f"the CRD {name} on the cluster is older than this operator: {'; '.join(shown)}; {remedy}"
        )


def apply(api: client.CustomObjectsApi, crd: CRD, timeout_seconds: float = 60) -> str:
    """Apply `crd` server-side, wait until it is served, and return one line about what was done.

    Raises LogPipelineError when the API server refuses it, cannot be reached, or does not serve it in time.
    """
    name = crd["metadata"]["name"]
    live = _read(api, name)
    if live is not None and newer(live, crd):
        theirs, ours = (each["metadata"]["labels"][VERSION_LABEL] for each in (live, crd))
        return f"{name} is of version {theirs}, newer than {ours}: left as it is"
    patch = partial(api.patch_cluster_custom_object, field_manager=FIELD_MANAGER, force=True, _content_type=_APPLY)
    _call(f"apply {name}", patch, name, crd)
    deadline = time.monotonic() + timeout_seconds
    while waiting := _not_served(_read(api, name)):
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


def _not_served(crd: CRD | None) -> str | None:
    """Return why `crd` is not served yet, or None when it is."""
    if crd is None:
        return "it was deleted"
    # Null just after it was made.
    found = crd.get("status", {}).get("conditions") or []
    conditions = {each["type"]: each for each in found}
    for kind in ("NamesAccepted", "Established"):
        condition = conditions.get(kind, {"status": "Unknown"})
        if condition["status"] != "True":
            return f"{kind} is {condition['status']}: {condition.get('message', 'not reported yet')}"
    return None


class _ForbiddenError(LogPipelineError):
    """The API server knows who asks and does not allow it."""


def _read(api: client.CustomObjectsApi, name: str) -> CRD | None:
    """Return the CRD on the cluster, None when it is not there."""
    try:
        live: CRD = _call(f"read {name}", api.get_cluster_custom_object, name)
    except LogPipelineError as error:
        if isinstance(error.__cause__, client.ApiException) and error.__cause__.status == 404:
            return None
        raise
    return live


def _call(what: str, method: Any, *arguments: Any) -> Any:
    try:
        return method(*_PLURAL, *arguments, _request_timeout=_REQUEST_SECONDS)
    except client.ApiException as error:
        said = f"cannot {what}: {_message(error)}"
        if error.status == 403:
            raise _ForbiddenError(f"{said}; the right to get, create and patch this CRD is needed") from error
        raise LogPipelineError(said) from error
    except urllib3.exceptions.HTTPError as error:
        raise LogPipelineError(f"cannot {what}: the API server does not answer: {error}") from None


def _message(error: client.ApiException) -> str:
    """Return what the API server says, or the bare HTTP reason when a proxy answered in its place."""
    try:
        return str(json.loads(error.body or "")["message"])
    except (TypeError, ValueError, KeyError):
        return f"HTTP {error.status} {error.reason}"


@click.group()
def main() -> None:
    """The CustomResourceDefinition on the cluster."""


@main.command("apply")
@click.option("--timeout", "timeout_seconds", default=60.0, show_default=True, help="Seconds until it must be served.")
def _apply(timeout_seconds: float) -> None:
    """Apply the CRD of this version server-side and wait until it is served; never replaces a newer one."""
    say(apply(connect(), wanted(), timeout_seconds))


if __name__ == "__main__":
    main()
