"""Quantities as the API server stores them, a container's resources, and the heap of a JVM in it."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from logpipeline.api.pods import Resources

_MIB = 1024 * 1024
_BINARY = {f"{letter}i": Fraction(1024**power) for power, letter in enumerate("KMGTPE", 1)}
_DECIMAL = {suffix: Fraction(1000) ** power for power, suffix in enumerate(("m", "", *"kMGTPE"), -1)}


def value(quantity: str) -> Fraction:
    """Return a quantity in units: bytes, or cores."""
    found = re.fullmatch(r"([0-9.]+)([a-zA-Z]*)", quantity)
    assert found is not None  # the resource's models take nothing else
    return Fraction(found[1]) * {**_BINARY, **_DECIMAL}[found[2]]


def canonical(quantity: str) -> str:
    """Return `quantity` as the API server writes it: a whole number and the largest suffix that leaves it whole.

    1024Mi is 1Gi, 1.5Gi is 1536Mi, 0.5 is 500m. What is written in powers of two stays so where it can.
    """
    amount = value(quantity)
    binary = quantity.endswith("i") and amount >= 1024 and amount.denominator == 1
    suffixes = {"": Fraction(1), **_BINARY} if binary else _DECIMAL
    # The API server rounds what is finer than a thousandth up to one.
    amount = Fraction(math.ceil(amount * 1000), 1000)
    suffix = next(suffix for suffix, unit in reversed(suffixes.items()) if (amount / unit).denominator == 1)
    return f"{amount / suffixes[suffix]}{suffix}" if amount else "0"


def merged(default: Mapping[str, Mapping[str, str]], given: Resources | None) -> dict[str, dict[str, str]]:
    """Return a container's resources: what the user has `given` over the component's `default`.

    A default gives way where it would contradict: a request is never above its limit.
    """
    wanted = given.model_dump(exclude_none=True) if given else {"requests": {}, "limits": {}}
    requests, limits = ({**default[kind], **wanted[kind]} for kind in ("requests", "limits"))
    for name in requests.keys() & limits.keys():
        if value(requests[name]) > value(limits[name]):
            if name in wanted["limits"] and name not in wanted["requests"]:
                requests[name] = limits[name]
            elif name not in wanted["limits"]:
                limits[name] = requests[name]
    return {
        "requests": {name: canonical(quantity) for name, quantity in requests.items()},
        "limits": {name: canonical(quantity) for name, quantity in limits.items()},
    }


def heap_mebibytes(resources: Mapping[str, Any], share: Fraction, most: int) -> int:
    """Return the heap of a JVM, in MiB: `share` of the container's memory limit, and `most` at most."""
    return min(int(value(resources["limits"]["memory"]) * share / _MIB), most)


def heap_options(mebibytes: int) -> str:
    """Return the options for a heap of so many MiB, all of it from the start, and a collector that fits it."""
    # A small heap gains nothing from a concurrent collector.
    collector = "-XX:+UseSerialGC" if mebibytes < 1024 else "-XX:+UseG1GC"
    return f"-Xms{mebibytes}m -Xmx{mebibytes}m {collector}"
