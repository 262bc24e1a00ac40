"""Patterns keep the mean rate and have the shape they are named for."""

from __future__ import annotations

import numpy as np
import pytest

from logpipeline_generator.pattern import PatternName, pattern


def rates(name: PatternName, rate: float, bin_seconds: float, bins: int, time_of_day: float = 0.0) -> np.ndarray:
    due = pattern(name, rate, time_of_day).due(0, int(rate * bin_seconds * bins))
    assert (np.diff(due) > 0).all()
    return np.histogram(due, bins=bins, range=(0, bin_seconds * bins))[0] / bin_seconds


def test_bursty_runs_at_four_times_the_rate_for_ten_seconds_of_each_minute() -> None:
    shape = rates("bursty", 100.0, 10.0, 12)
    assert shape == pytest.approx([40, 40, 40, 40, 40, 400] * 2, abs=0.2)


def test_diurnal_has_its_trough_at_four_and_its_peak_at_sixteen() -> None:
    shape = rates("diurnal", 10.0, 3600.0, 24, time_of_day=6 * 3600.0)
    assert (np.argmin(shape) + 6) % 24 in (3, 4)
    assert (np.argmax(shape) + 6) % 24 in (15, 16)
    assert shape.mean() == pytest.approx(10, rel=1e-3)
    assert (shape.min(), shape.max()) == pytest.approx((2, 18), rel=0.06)


@pytest.mark.parametrize(("name", "factor"), [("steady", 1.0), ("diurnal", 1.8), ("bursty", 4.0)])
def test_the_peak_rate_is_known(name: PatternName, factor: float) -> None:
    assert pattern(name, 50.0).peak_rate == pytest.approx(50 * factor, rel=1e-4)
