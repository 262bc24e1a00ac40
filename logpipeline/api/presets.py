"""The goals that the product ships, in the words of the resource itself."""

from __future__ import annotations

from typing import Any, Literal

PresetName = Literal["client-rate", "host-errors", "country-success", "host-latency", "status-counts"]

PRESETS: dict[Any, dict[str, Any]] = {
    "client-rate": {
        "groupBy": ["client_ip"],
        "window": {"size": "20s", "slide": "1s"},
        "aggregate": {"count": {}},
        "having": {"greaterThan": 10},
    },
    "host-errors": {
        "where": [{"field": "status", "between": [400, 499]}],
        "groupBy": ["host"],
        "window": {"size": "30s", "slide": "1s"},
        "aggregate": {"count": {}},
        "having": {"greaterThan": 15},
    },
    "country-success": {
        "where": [{"field": "status", "between": [200, 299]}],
        "groupBy": ["country"],
        "window": {"size": "1m"},
        "aggregate": {"count": {}},
    },
    "host-latency": {
        "groupBy": ["host"],
        "window": {"size": "1m"},
        "aggregate": {"avg": {"field": "request_time"}},
    },
    "status-counts": {
        "groupBy": ["status"],
        "window": {"size": "5m"},
        "aggregate": {"count": {}},
    },
}
