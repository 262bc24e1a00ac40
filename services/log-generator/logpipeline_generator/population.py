"""Who sends requests to whom: clients and hosts, few of them busy, none so busy that it would be taken for an offender.

Popularity follows Zipf's law with its head cut off: p(k) ∝ min(1, H/k) for k = 1 … n. The head is cut where the busiest
key's share of the traffic reaches

    clients:  1 / (20 s · peak rate)                  an expected 1 request in goal client-rate's window, threshold 10
    hosts:    3 / (30 s · peak rate · 4xx share)      an expected 3 errors in goal host-errors' window, threshold 15

A Poisson count of mean 1 passes 10 with a probability of 1e-8, one of mean 3 passes 15 with 1.2e-7. The number of keys
follows from the share: n = SPREAD / share, at 200 records/s about 10,000 clients and 570 hosts.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

CLIENT_WINDOW_SECONDS = 20
CLIENT_MEAN_REQUESTS = 1.0
HOST_WINDOW_SECONDS = 30
HOST_MEAN_ERRORS = 3.0
SPREAD = 2.6
"""Keys for each key that would do if all were equally busy: leaves a tail in which the last is 8 times rarer than
the head.
"""

# First octets of public addresses; 192, 198 and 203 are left out because the offenders' test networks lie there.
_FIRST_OCTETS = np.array([n for n in range(1, 224) if n not in {10, 100, 127, 169, 172, 192, 198, 203}], dtype=np.int64)
MAX_CLIENTS = len(_FIRST_OCTETS) << 24


def client_share(peak_rate: float) -> float:
    """Largest share of the traffic (0 to 1) that one ordinary client may have at `peak_rate` records a second."""
    return min(1.0, CLIENT_MEAN_REQUESTS / (CLIENT_WINDOW_SECONDS * peak_rate))


def host_share(peak_rate: float, error_share: float) -> float:
    """Largest share of the traffic (0 to 1) of one ordinary host, when `error_share` of the records are 4xx."""
    return min(1.0, HOST_MEAN_ERRORS / (HOST_WINDOW_SECONDS * peak_rate * error_share))


@dataclass(frozen=True)
class CappedZipf:
    """Zipf's law over `size` keys whose first `head` keys are equally popular."""

    size: int
    head: float
    within_cap: bool
    """False: so few keys that even equal popularity passes the cap."""

    @classmethod
    def fit(cls, cap: float, size: int | None = None) -> CappedZipf:
        """The distribution whose busiest key has the share `cap`; `size` keys, or as many as suit the cap."""
        size = size or max(10, math.ceil(SPREAD / cap))
        if size * cap <= 1:
            return cls(size, float(size), within_cap=size * cap > 1 - 1e-9)
        # share of the head's keys = 1 / (H (1 + ln(n/H))), which falls as H grows: bisect on H
        low, high = 1.0, float(size)
        for _ in range(100):
            middle = (low + high) / 2
            low, high = (low, middle) if middle * (1 + math.log(size / middle)) > 1 / cap else (middle, high)
        return cls(size, high, within_cap=True)

    def draw(self, uniform: NDArray[np.float64]) -> NDArray[np.int64]:
        """Keys (0 … size-1, the busy ones first) for numbers drawn uniformly from [0, 1)."""
        ratio = self.size / self.head
        in_head = 1 / (1 + math.log(ratio))
        tail = np.maximum(uniform - in_head, 0.0) / max(1 - in_head, 1e-12)
        keys = np.where(uniform < in_head, uniform / in_head * self.head, self.head * np.power(ratio, tail))
        return np.minimum(keys.astype(np.int64), self.size - 1)


def client_addresses(keys: NDArray[np.int64]) -> NDArray[np.int64]:
    """IPv4 addresses as integers, one a key, all different and spread over the public ranges."""
    # an odd factor permutes the 24 low bits, so neighbours in popularity are no neighbours in the network
    low = (keys // len(_FIRST_OCTETS) * 9_301_417 + 5_711_089) & 0xFFFFFF
    return _FIRST_OCTETS[keys % len(_FIRST_OCTETS)] << 24 | low
