"""Brings a pipeline's data view, searches and dashboard to our own Kibana."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from urllib3.filepost import encode_multipart_formdata

from logpipeline.api import LogPipeline
from logpipeline.kibana.objects import ndjson, saved_objects
from logpipeline.web import RefusedError, fetch
from logpipeline_operator.observe.facts import Fault, FaultKind
from logpipeline_operator.observe.faults import http_fault, short

_SECONDS = 3.0
_CARE_SECONDS = 600.0
_BAD_REQUEST, _NOT_FOUND, _SERVER_ERROR = 400, 404, 500
# Kibana takes no change without it.
_HEADERS = {"kbn-xsrf": "logpipeline"}


@dataclass
class KibanaMemory:
    """What was last seen to be there, and when."""

    objects: str = ""
    cared: float = float("-inf")


def ensure_saved_objects(pipeline: LogPipeline, url: str, memory: KibanaMemory, now: float) -> Fault | None:
    """Import what the pipeline is explored with, unless it is there; returns why it is not there yet, None when it is.

    What people have changed on a dashboard of ours stays until the resource asks for another one.
    """
    objects = saved_objects(pipeline)
    text = ndjson(objects)
    if text == memory.objects and now - memory.cared < _CARE_SECONDS:
        return None
    try:
        there = _description(url, objects[-1]["id"]) == objects[-1]["attributes"]["description"]
        if not there and (fault := _import(url, text)) is not None:
            return fault
    except OSError as error:
        return http_fault(error, "Kibana", url)
    except RefusedError as error:
        if error.status >= _SERVER_ERROR:
            return Fault(FaultKind.UNREACHABLE, f"Kibana at {url} answers {error.status}")
        return Fault(FaultKind.REFUSED, f"Kibana refuses the dashboard: {error.status} {short(error.message)}")
    except (ValueError, KeyError, TypeError):
        return Fault(FaultKind.UNREACHABLE, f"{url} answers and is no Kibana")
    memory.objects, memory.cared = text, now
    return None


def _description(url: str, dashboard: str) -> str | None:
    """Return what the dashboard says of itself, None when it is not there."""
    wanted = {"objects": [{"type": "dashboard", "id": dashboard}], "excludeExportDetails": True}
    try:
        answer = fetch(
            f"{url}/api/saved_objects/_export", method="POST", body=wanted, headers=_HEADERS, timeout=_SECONDS
        )
    except RefusedError as error:
        # To ask for what is not there is a bad request.
        if error.status not in (_BAD_REQUEST, _NOT_FOUND):
            raise
        return None
    return str(json.loads(answer)["attributes"].get("description"))


def _import(url: str, text: str) -> Fault | None:
    body, kind = encode_multipart_formdata({"file": ("logpipeline.ndjson", text.encode(), "application/x-ndjson")})
    answer: dict[str, Any] = json.loads(
        fetch(
            f"{url}/api/saved_objects/_import?overwrite=true",
            method="POST",
            body=body,
            headers={**_HEADERS, "Content-Type": kind},
            timeout=_SECONDS,
        )
    )
    # Of objects that it does not take, Kibana tells with a 200.
    if answer["success"]:
        return None
    errors = [f"{one['type']} {one['id']}: {json.dumps(one['error'])}" for one in answer.get("errors", [])]
    return Fault(FaultKind.REFUSED, f"Kibana refuses {short('; '.join(errors) or 'the import, and says not why')}")
