"""What the generator says of itself."""

from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families

from logpipeline.web import RefusedError, fetch

_RECORDS = "logpipeline_generator_records_total"


def read_counter(text: str, name: str) -> float | None:
    """Return the sum of the counter `name` in a Prometheus text, or None when it is not there."""
    samples = [
        sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == name
    ]
    return sum(samples) if samples else None


class Generator:
    """The generator, seen through its metrics."""

    def __init__(self, port: int) -> None:
        self._url = f"http://127.0.0.1:{port}/metrics"
        self.records: float | None = None

    def check(self) -> str | None:
        """Refresh `records` and return what is lacking, None for nothing."""
        try:
            self.records = read_counter(fetch(self._url), _RECORDS)
        except (OSError, RefusedError, ValueError):
            self.records = None
        if self.records is None:
            return "no metrics yet"
        return None if self.records > 0 else "no record yet"
