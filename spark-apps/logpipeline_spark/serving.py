"""What a goal's process tells over HTTP: its metrics and progress, and for Kubernetes whether it lives and is ready."""

from __future__ import annotations

from collections.abc import Mapping

import orjson
from prometheus_client import CollectorRegistry
from prometheus_client.registry import Collector

from logpipeline import serving
from logpipeline_spark.progress import Board


def serve(
    board: Board,
    collector: Collector,
    address: str,
    port: int,
    *,
    stall_limit: float,
    folders: Mapping[str, serving.Folder] | None = None,
) -> serving.Server:
    """Serve the board in a background thread and return the server; raises LogPipelineError when the port is taken.

    `collector` makes metrics of it; `stall_limit`: so many seconds without progress make /healthz fail; `folders` are
    served besides.
    """
    registry = CollectorRegistry()
    registry.register(collector)
    return serving.serve(
        registry,
        {
            "/healthz": lambda: _verdict(board.stalled(stall_limit)),
            "/readyz": lambda: _verdict(board.not_running()),
        },
        address,
        port,
        {"/progress": lambda: orjson.dumps(board.as_json())},
        folders,
    )


def _verdict(faults: list[str]) -> tuple[bool, str]:
    return not faults, "\n".join(faults or ["ok"])
