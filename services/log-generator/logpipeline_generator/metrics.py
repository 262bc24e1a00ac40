"""What Prometheus can scrape from a running `generate` or `produce`."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge

from logpipeline import serving


class GeneratorMetrics:
    """Counters of `generate`; `queue` says how many records the broker has not acknowledged."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        name = "logpipeline_generator"
        self.records = Counter(f"{name}_records", "Records written, of every kind.", registry=self.registry)
        self.malformed = Counter(f"{name}_malformed_records", "Malformed records among them.", registry=self.registry)
        self.offenders = Counter(f"{name}_offender_records", "Offenders' records among them.", registry=self.registry)
        self.failures = Counter(f"{name}_delivery_failures", "Records that Kafka refused.", registry=self.registry)
        self._queue = Gauge(f"{name}_queue_records", "Records that wait for Kafka's answer.", registry=self.registry)

    def watch_queue(self, queue: Callable[[], int]) -> None:
        """Take the gauge's value from `queue` whenever it is scraped."""
        self._queue.set_function(queue)


class ProducerMetrics:
    """Counters of `produce`."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        name = "logpipeline_producer"
        self.lines = Counter(f"{name}_lines", "Lines read, empty and rejected ones too.", registry=self.registry)
        self.acknowledged = Counter(f"{name}_acknowledged", "Lines that Kafka has taken.", registry=self.registry)


def serve(registry: CollectorRegistry, port: int | None, address: str) -> None:
    """Answer scrapes on `address` and `port` until the process ends; nothing when there is no port."""
    if port is not None:
        serving.serve(registry, {}, address, port)
