"""How the rate changes with time, and so the second at which the n-th record is due.

A pattern repeats: within a period the rate is constant between knots, so the number of records until a time is
piecewise linear and both directions are one interpolation. The mean rate over a period is the rate asked for.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

PatternName = Literal["steady", "diurnal", "bursty"]
DAY_SECONDS = 86_400.0
DIURNAL_SWING = 0.8
"""The day's peak is 1.8 times the mean (16:00 UTC), the night's trough a fifth of it (04:00 UTC)."""
BURST_FACTOR, BURST_SECONDS, BURST_PERIOD_SECONDS = 4.0, 10.0, 60.0
"""The last 10 s of each minute run at 4 times the mean rate, the rest at 0.4 times."""


@dataclass(frozen=True)
class Pattern:
    """A repeating rate: at `seconds[i]` of a period, `shares[i]` (0 to 1) of the period's records are out."""

    rate: float
    """Mean, records a second."""
    seconds: NDArray[np.float64]
    shares: NDArray[np.float64]

    @property
    def peak_rate(self) -> float:
        """Highest rate of the period, records a second."""
        return float(self.rate * self.seconds[-1] * np.max(np.diff(self.shares) / np.diff(self.seconds)))

    def due(self, first: int, count: int) -> NDArray[np.float64]:
        """Seconds from the start of the stream at which the records `first` … `first + count - 1` are due."""
        period = float(self.seconds[-1])
        periods, share = np.divmod(np.arange(first, first + count) / (self.rate * period), 1.0)
        return periods * period + np.interp(share, self.shares, self.seconds)


def pattern(name: PatternName, rate: float, time_of_day: float = 0.0) -> Pattern:
    """The pattern of that name, of mean `rate` records a second; `time_of_day` (UTC seconds) is when it starts."""
    if name == "steady":
        seconds, speeds = np.array([0.0, 1.0]), np.array([1.0])
    elif name == "bursty":
        quiet = BURST_PERIOD_SECONDS - BURST_SECONDS
        seconds = np.array([0.0, quiet, BURST_PERIOD_SECONDS])
        speeds = np.array([(BURST_PERIOD_SECONDS - BURST_SECONDS * BURST_FACTOR) / quiet, BURST_FACTOR])
    else:
        seconds = np.linspace(0.0, DAY_SECONDS, 1441)
        middles = (seconds[:-1] + seconds[1:]) / 2 + time_of_day - DAY_SECONDS / 6
        speeds = 1 - DIURNAL_SWING * np.cos(middles * (2 * math.pi / DAY_SECONDS))
    shares = np.concatenate([[0.0], np.cumsum(speeds * np.diff(seconds))])
    return Pattern(rate, seconds, shares / shares[-1])
