"""The demo traffic of a resource in the words of `logpipeline generate`."""

from __future__ import annotations

from logpipeline.api import LogPipeline


def generate_options(pipeline: LogPipeline, bootstrap_servers: str) -> dict[str, str]:
    """Return the options of `generate` for a pipeline that has a generator, without those for files and metrics."""
    source = pipeline.spec.source
    generator, lateness = source.generator, source.allowed_lateness.total_seconds()
    assert generator is not None
    return {
        "--bootstrap-servers": bootstrap_servers,
        "--topic": pipeline.topics()["raw"].name or "",
        "--rate": f"{generator.rate_per_second:g}",
        "--pattern": generator.pattern,
        "--seed": f"{generator.seed}",
        "--malformed-share": f"{generator.malformed_share:g}",
        "--late-share": f"{generator.late_share:g}",
        "--late-by": f"{lateness + 60:g}",
        "--out-of-order-share": f"{generator.out_of_order_share:g}",
        # Disorder that costs no record; with no lateness allowed any disorder does.
        "--disorder": f"{lateness / 2 or 1:g}",
        "--offenders-every": f"{generator.offenders_every.total_seconds():g}",
    }
