"""Ports on the loopback address: those the resource fixes, those of the last run, the usual ones, any that are free."""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import psutil

from logpipeline.api import LogPipeline
from logpipeline.errors import LogPipelineError
from logpipeline.rules import alerts

HOST = "127.0.0.1"


@dataclass(frozen=True)
class PortRequest:
    """A port that a component needs. `fixed` is what the resource says at `field`; `usual` is what people expect, if
    anything.
    """

    name: str
    usual: int | None = None
    field: str = ""
    fixed: int | None = None


def port_requests(pipeline: LogPipeline) -> list[PortRequest]:
    """Return the ports that the components of `pipeline` need on this machine."""
    requests = [PortRequest("goals", 9404)]
    kafka, sink = pipeline.spec.kafka, pipeline.spec.sink
    if kafka.managed is not None:
        requests.append(PortRequest("kafka", 9092, "spec.kafka.managed.port", kafka.managed.port))
        requests.append(PortRequest("kafka-controller"))
    if sink is not None:
        requests.append(PortRequest("connect", 8083, "spec.sink.connect.port", sink.connect.port))
        if (managed := sink.elasticsearch.managed) is not None:
            field = "spec.sink.elasticsearch.managed.port"
            requests.append(PortRequest("elasticsearch", 9200, field, managed.port))
            requests.append(PortRequest("elasticsearch-transport"))
    if pipeline.spec.source.generator is not None:
        requests.append(PortRequest("generator", 9405))
    if pipeline.spec.lake is not None:
        requests.append(PortRequest("lake", 9407))
    requests.append(PortRequest("console", 8080))
    if alerts(pipeline):
        requests.append(PortRequest("alert-bridge", 9406))
    return requests


def choose_ports(
    requests: list[PortRequest], last: Mapping[str, int], is_free: Callable[[int], bool], any_free: Callable[[], int]
) -> dict[str, int]:
    """Return a port for each request; `last` are those of the run before.

    The last run's port is kept where it can be, for clients remember it. Raises LogPipelineError when a fixed port is
    taken.
    """
    chosen: dict[str, int] = {}
    faults = []
    # Fixed ones first, lest one that may move takes their place.
    for request in sorted(requests, key=lambda request: request.fixed is None):
        if request.fixed is not None:
            if request.fixed in chosen.values() or not is_free(request.fixed):
                faults.append(
                    f"{request.field}: port {request.fixed} is taken{holder(request.fixed)}; free it, name another, "
                    "or leave the field out and a free one is found"
                )
            chosen[request.name] = request.fixed
            continue
        candidates = [port for port in (last.get(request.name), request.usual) if port is not None]
        usable = (port for port in candidates if port not in chosen.values() and is_free(port))
        port = next(usable, None)
        while port is None or port in chosen.values():
            port = any_free()
        chosen[request.name] = port
    if faults:
        raise LogPipelineError("\n".join(faults))
    return chosen


def is_free(port: int) -> bool:
    """Tell whether a server can listen on `port` now."""
    with socket.socket() as probe:
        # As servers do it: connections of an earlier run that are still winding down are no obstacle.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def any_free() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def answers(host: str, port: int, timeout: float = 0.5) -> bool:
    """Tell whether somebody accepts connections there."""
    try:
        socket.create_connection((host, port), timeout).close()
    except OSError:
        return False
    return True


def holder(port: int) -> str:
    """Return ` by PROGRAM (pid N)` for the program that listens on `port`, or nothing when the system does not tell."""
    try:
        listening = (seen for seen in psutil.net_connections("tcp") if seen.status == psutil.CONN_LISTEN)
        pid = next(seen.pid for seen in listening if seen.laddr and seen.laddr.port == port and seen.pid)
        return f" by {psutil.Process(pid).name()} (pid {pid})"
    except (StopIteration, psutil.Error):
        return ""
