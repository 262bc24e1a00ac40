"""The words of a record that come from short lists, and how often each is drawn."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


class Words:
    """A list of words with a probability each."""

    def __init__(self, weights: dict[str, float]) -> None:
        self.words: Sequence[bytes] = [word.encode() for word in weights]
        shares = np.array(list(weights.values())) / sum(weights.values())
        self._bounds = np.cumsum(shares)[:-1]

    def draw(self, random: np.random.Generator, size: int) -> NDArray[np.int64]:
        """`size` indices into `words`."""
        return np.searchsorted(self._bounds, random.random(size), side="right")


METHODS = Words({"GET": 0.78, "POST": 0.15, "PUT": 0.03, "HEAD": 0.02, "DELETE": 0.01, "PATCH": 0.01})

# 75 % 2xx, 9 % 3xx, 11 % 4xx, 5 % 5xx; "200" comes first, which is what offending clients get.
STATUSES = Words(
    {
        "200": 0.66,
        "201": 0.05,
        "204": 0.04,
        "301": 0.03,
        "302": 0.02,
        "304": 0.04,
        "400": 0.02,
        "401": 0.02,
        "403": 0.01,
        "404": 0.05,
        "429": 0.01,
        "500": 0.02,
        "502": 0.015,
        "503": 0.01,
        "504": 0.005,
    }
)
CLIENT_ERROR_SHARE = 0.11
CLIENT_ERRORS = np.array([i for i, word in enumerate(STATUSES.words) if word.startswith(b"4")])

_COUNTRY_CODES = (
    "IR US DE FR GB CN IN BR RU JP TR AE IT ES NL SE NO FI PL UA CA MX AR CL CO ZA EG NG KE SA IQ PK ID SG KR AU"
)
COUNTRIES = Words({code: 1 / (rank + 2) for rank, code in enumerate(_COUNTRY_CODES.split())})

REQUEST_TIMES = 3000
"""Request times are whole hundredths of a second below this."""

FAULT_KINDS = 20
"""How many kinds of malformed record there are (see `rendering.FAULTS`)."""
