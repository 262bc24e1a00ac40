"""Settings of an Elasticsearch node that the pipeline runs itself."""

from __future__ import annotations

from typing import Any


def single_node(
    cluster: str, data: str, logs: str, port: int, transport_port: int, host: str = "127.0.0.1"
) -> dict[str, Any]:
    """Return the content of `elasticsearch.yml` for a lone node that keeps its data in the folder `data`."""
    return {
        "cluster.name": cluster,
        "node.name": f"{cluster}-1",
        "path.data": data,
        "path.logs": logs,
        "network.host": host,
        "http.port": port,
        "transport.port": transport_port,
        "discovery.type": "single-node",
        # The defaults are shares of the disk (85, 90, 95 %): a large disk that is nearly full would make every index
        # read-only.
        "cluster.routing.allocation.disk.watermark.low": "1gb",
        "cluster.routing.allocation.disk.watermark.high": "500mb",
        "cluster.routing.allocation.disk.watermark.flood_stage": "200mb",
    }
