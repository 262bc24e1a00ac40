"""Kubernetes' quantities as numbers."""

from __future__ import annotations

import re
from fractions import Fraction

_UNITS = {"": 1} | {f"{unit}i": 1024**power for power, unit in enumerate("KMGTPE", 1)}
_UNITS |= {unit: 1000**power for power, unit in enumerate("kMGTPE", 1)}


def bytes_of(quantity: str) -> int:
    """Return a quantity of memory or storage, for example 768Mi, in bytes; raises ValueError for anything else."""
    found = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)([A-Za-z]*)", quantity)
    if found is None or found[2] not in _UNITS:
        raise ValueError(f"{quantity!r} is not a quantity such as 768Mi or 10Gi")
    return int(Fraction(found[1]) * _UNITS[found[2]])


def cores_of(quantity: str) -> float:
    """Return a quantity of CPU, for example 500m or 2, in cores; raises ValueError for anything else."""
    return float(quantity[:-1]) / 1000 if quantity.endswith("m") else float(quantity)
