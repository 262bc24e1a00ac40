"""Executor pods of an earlier start: Kubernetes removes them with the driver's pod, not when its container restarts."""

from __future__ import annotations

import logging
import ssl
import urllib.parse
from pathlib import Path

from logpipeline.web import RefusedError, fetch
from logpipeline_spark.placement import DRIVER_LABEL, ExecutorPods

_LOG = logging.getLogger(__name__)
_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
_SERVER = "https://kubernetes.default.svc"
_SECONDS = 10.0
# The server answers with the pods that it deletes.
_MOST_BYTES = 16 << 20


def remove_leftovers(executors: ExecutorPods) -> None:
    """Delete the executors that an earlier start in this pod has left; what cannot be deleted is told and left."""
    try:
        token = (_ACCOUNT / "token").read_text(encoding="ascii").strip()
        fetch(
            _SERVER + path_of(executors),
            method="DELETE",
            headers={"Authorization": f"Bearer {token}"},
            timeout=_SECONDS,
            context=ssl.create_default_context(cafile=str(_ACCOUNT / "ca.crt")),
            most=_MOST_BYTES,
        )
    except (OSError, RefusedError) as error:
        _LOG.warning("executors of an earlier start cannot be removed: %s", error)


def path_of(executors: ExecutorPods) -> str:
    """Return the path, on the API server, of all executors that were ever started in this pod."""
    selector = urllib.parse.urlencode({"labelSelector": f"{DRIVER_LABEL}={executors.pod}"})
    return f"/api/v1/namespaces/{executors.namespace}/pods?{selector}"
