"""Makes the data view of the raw records on our own Kibana."""

from __future__ import annotations

from dataclasses import dataclass

from logpipeline.api import LogPipeline
from logpipeline.web import RefusedError, fetch, fetch_json
from logpipeline_operator.observe.facts import Fault, FaultKind
from logpipeline_operator.observe.faults import http_fault, short

_SECONDS = 3.0
_CARE_SECONDS = 600.0
_NOT_FOUND, _SERVER_ERROR = 404, 500
# Kibana takes no change without it.
_HEADERS = {"kbn-xsrf": "logpipeline"}


@dataclass
class DataViewMemory:
    """Of which index the data view was last seen to be, and when."""

    index: str = ""
    cared: float = float("-inf")


def ensure_data_view(pipeline: LogPipeline, url: str, memory: DataViewMemory, now: float) -> Fault | None:
    """Make the data view of the pipeline's index; returns why it is not there yet, None when it is."""
    index = pipeline.index()
    if index == memory.index and now - memory.cared < _CARE_SECONDS:
        return None
    wanted = {"id": f"logpipeline-{index}", "title": index, "name": index, "timeFieldName": "@timestamp"}
    try:
        if _current(f"{url}/api/data_views/data_view/{wanted['id']}") != wanted:
            body = {"data_view": wanted, "override": True}
            fetch(f"{url}/api/data_views/data_view", method="POST", body=body, headers=_HEADERS, timeout=_SECONDS)
    except OSError as error:
        return http_fault(error, "Kibana", url)
    except RefusedError as error:
        if error.status >= _SERVER_ERROR:
            return Fault(FaultKind.UNREACHABLE, f"Kibana at {url} answers {error.status}")
        return Fault(FaultKind.REFUSED, f"Kibana refuses the data view: {error.status} {short(error.message)}")
    except (ValueError, KeyError, TypeError):
        return Fault(FaultKind.UNREACHABLE, f"{url} answers and is no Kibana")
    memory.index, memory.cared = index, now
    return None


def _current(url: str) -> dict[str, str] | None:
    try:
        view = fetch_json(url, headers=_HEADERS, timeout=_SECONDS)["data_view"]
    except RefusedError as error:
        if error.status != _NOT_FOUND:
            raise
        return None
    return {key: view.get(key) for key in ("id", "title", "name", "timeFieldName")}
