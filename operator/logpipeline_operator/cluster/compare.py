"""Whether a live object is as desired: pure.

As in a server-side apply, what we do not name belongs to others and does not count. Of lists that the API server merges
by key, each of our elements must be among the live ones; other lists must be equal.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

# The merge keys of the lists that our objects hold, from the OpenAPI of Kubernetes (x-kubernetes-list-map-keys).
_MERGE_KEYS: dict[str, tuple[str, ...]] = {
    "containers": ("name",),
    "initContainers": ("name",),
    "env": ("name",),
    "volumes": ("name",),
    "volumeMounts": ("mountPath",),
    "imagePullSecrets": ("name",),
    "ownerReferences": ("uid",),
    "topologySpreadConstraints": ("topologyKey", "whenUnsatisfiable"),
}


def differences(desired: Any, live: Any, path: str = "") -> list[str]:
    """Return the paths at which `live` is not as `desired`; empty when nothing has to be written."""
    if isinstance(desired, Mapping):
        if not isinstance(live, Mapping):
            # The API server leaves out empty objects.
            return [] if not desired and live is None else [path]
        return [
            fault
            for name, value in desired.items()
            for fault in differences(value, live.get(name), f"{path}.{name}" if path else str(name))
        ]
    if isinstance(desired, Sequence) and not isinstance(desired, str):
        return _in_list(desired, live, path)
    return [] if desired == live else [path]


def _in_list(desired: Sequence[Any], live: Any, path: str) -> list[str]:
    if not desired and live is None:
        return []
    if not isinstance(live, list):
        return [path]
    keys = _merge_keys(path)
    if keys is None:
        if len(desired) != len(live):
            return [path]
        pairs = [(f"{path}[{index}]", one, other) for index, (one, other) in enumerate(zip(desired, live, strict=True))]
    else:
        by_key = {tuple(item.get(key) for key in keys): item for item in live if isinstance(item, Mapping)}
        pairs = []
        for item in desired:
            name = tuple(item.get(key) for key in keys)
            pairs.append((f"{path}[{','.join(map(str, name))}]", item, by_key.get(name)))
    return [fault for where, one, other in pairs for fault in differences(one, other, where)]


def _merge_keys(path: str) -> tuple[str, ...] | None:
    field = path.rpartition(".")[2]
    if field == "ports" and "containers[" in path:
        return ("containerPort",)
    # A Service merges its ports; those of a NetworkPolicy's rule are one value.
    if path == "spec.ports":
        return ("port",)
    return _MERGE_KEYS.get(field)
