"""`generate` and `produce`: options to objects, the run, and how it ended."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import cast, get_args

import click
import numpy as np

from logpipeline.errors import LogPipelineError
from logpipeline.kafka.properties import read_client_properties
from logpipeline.plain import say
from logpipeline_generator import generating, metrics, producing, vocabulary
from logpipeline_generator.cluster import Cluster
from logpipeline_generator.delivery import Delivery
from logpipeline_generator.lines import LineFile
from logpipeline_generator.offenders import GroundTruth
from logpipeline_generator.options import BurstType, Duration, Instant, Number, client_options
from logpipeline_generator.outputs import FileOutput, Output, TopicOutput
from logpipeline_generator.pacing import Burst, OwnTimes, Pace, Rate, Unpaced
from logpipeline_generator.pattern import PatternName, pattern
from logpipeline_generator.population import MAX_CLIENTS, CappedZipf, client_share, host_share
from logpipeline_generator.progress import Report, summary
from logpipeline_generator.stopping import GRACE_SECONDS, Stop
from logpipeline_generator.traffic import Traffic

_SHARE = Number(0, 1)
_POSITIVE = Number(0, min_open=True)
# Beyond these a single block of the stream is years long, or its records are closer than the clock's microseconds.
_RATE = Number(0.001, 1_000_000)
_SECONDS = Number(0, 10_000_000, min_open=True)
_DEFAULT_SEED = 1


@click.command(short_help="Make up access-log records, with offenders to be found.")
@click.option("--bootstrap-servers", help="Kafka, as host:port[,host:port…]; with --topic.")
@click.option("--topic", help="Topic to write to; created if it does not exist.")
@click.option(
    "--wait-for-topic",
    is_flag=True,
    help="Wait until the topic is there, for as long as it takes, instead of creating it.",
)
@click.option("--output", help="File to write instead, a line a record; - is standard output, NAME.gz is compressed.")
@click.option(
    "--rate", type=_RATE, default=200.0, show_default=True, help="Records a second of event time, on average."
)
@click.option(
    "--pattern",
    "pattern_name",
    type=click.Choice(get_args(PatternName)),
    default="steady",
    show_default=True,
    help="How the rate varies: not; over the day (peak 1.8 times at 16:00 UTC); 10 s of each minute at 4 times.",
)
@click.option("--count", type=click.IntRange(1), help="Stop after this many records.  [default: endless]")
@click.option(
    "--for", "duration", type=Duration(), help="Stop after this much event time: 90s, 5m, 1h.  [default: endless]"
)
@click.option(
    "--seed", type=click.IntRange(0), help="Same seed and options, same bytes.  [default: 1 with --start, else drawn]"
)
@click.option(
    "--start",
    type=Instant(),
    help="First event time, ISO 8601 or epoch seconds; written at full speed.  [default: now, written at the rate]",
)
@click.option("--paced", is_flag=True, help="With --start: write at the rate all the same.")
@click.option(
    "--malformed-share", type=_SHARE, default=0.0, show_default=True, help="Share of malformed records, of 20 kinds."
)
@click.option("--late-share", type=_SHARE, default=0.0, show_default=True, help="Share of records that come late.")
@click.option("--late-by", type=_SECONDS, default=60.0, show_default=True, help="Seconds by which these are late.")
@click.option(
    "--out-of-order-share", type=_SHARE, default=0.0, show_default=True, help="Share of records out of order."
)
@click.option(
    "--disorder", type=_SECONDS, default=2.0, show_default=True, help="Seconds by which these are behind, at most."
)
@click.option(
    "--clients", type=click.IntRange(1, MAX_CLIENTS), help="Ordinary clients.  [default: from the rate; 52 × peak rate]"
)
@click.option(
    "--hosts", type=click.IntRange(1, 1_000_000), help="Ordinary hosts.  [default: from the rate; 2.86 × peak rate]"
)
@click.option(
    "--offenders-every",
    type=Number(0, 10_000_000),
    default=30.0,
    show_default=True,
    help="Seconds between bursts: of a client (30 requests in 8 s) and of a host's 4xx (40 in 10 s); 0: none.",
)
@click.option(
    "--ground-truth",
    type=click.Path(),
    help="File for the offenders in the stream: JSON lines goal, key, start, end, requests.",
)
@client_options
def generate(
    *,
    bootstrap_servers: str | None,
    topic: str | None,
    wait_for_topic: bool,
    output: str | None,
    rate: float,
    pattern_name: PatternName,
    count: int | None,
    duration: float | None,
    seed: int | None,
    start: int | None,
    paced: bool,
    malformed_share: float,
    late_share: float,
    late_by: float,
    out_of_order_share: float,
    disorder: float,
    clients: int | None,
    hosts: int | None,
    offenders_every: float,
    ground_truth: str | None,
    partitions: int | None,
    client_config: Path | None,
    metrics_port: int | None,
    metrics_address: str,
) -> None:
    """Make up NGINX access-log records (JSON), into a Kafka topic or a file.

    Some clients, hosts and countries are busier than others (Zipf), about 75 % of the answers are 2xx, 9 % 3xx, 11 %
    4xx and 5 % 5xx. By default no ordinary client passes 10 requests in 20 s and no ordinary host 15 errors in 30 s;
    offenders, which come on top of the rate, do: clients of the networks 203.0.113.0/24 and 198.51.100.0/24, and hosts
    named offender-N.example.com.

    \b
    Examples:
      logpipeline generate --output - --count 5 --start 2022-08-03T06:51:51Z
      logpipeline generate --bootstrap-servers kafka:9092 --topic test-inter --rate 500 --ground-truth truth.jsonl
      logpipeline generate --output access.json.gz --start 1659509511 --for 10m --rate 20000 --malformed-share 0.001
    """
    if (output is None) == (topic is None) or (topic is None) != (bootstrap_servers is None):
        raise click.UsageError("give either --bootstrap-servers and --topic, or --output")
    if malformed_share + late_share + out_of_order_share > 1:
        raise click.UsageError("--malformed-share, --late-share and --out-of-order-share together are more than 1")
    if offenders_every and offenders_every < 1:
        raise click.UsageError("--offenders-every is 0 (none) or at least 1 second")
    stop = Stop().install()
    counters = metrics.GeneratorMetrics()
    metrics.serve(counters.registry, metrics_port, metrics_address)
    live = start is None
    with Report("generate", "records") as report:
        sink: Output
        if output is not None:
            sink = FileOutput(output)
        else:
            properties = read_client_properties(client_config) if client_config else {}
            cluster = Cluster(bootstrap_servers or "", topic or "", properties)
            if wait_for_topic:
                width = cluster.await_topic(stop.requested, report.note)
                if not width:
                    sys.exit(0)
            else:
                width = cluster.ensure_topic(partitions)
            sink = TopicOutput(Delivery(cluster, width, stopping=stop.requested, note=report.note))
        # now, and not before the wait for Kafka: live records tell the time at which they are written
        begin = round(time.time() * 1e6) if start is None else start
        shape = pattern(pattern_name, rate, begin / 1e6 % 86_400)
        drawn = np.random.SeedSequence().generate_state(1).item() if live else _DEFAULT_SEED
        traffic = Traffic(
            pattern=shape,
            seed=drawn if seed is None else seed,
            clients=CappedZipf.fit(client_share(shape.peak_rate), clients),
            hosts=CappedZipf.fit(host_share(shape.peak_rate, vocabulary.CLIENT_ERROR_SHARE), hosts),
            malformed_share=malformed_share,
            late_share=late_share,
            late_by=late_by,
            out_of_order_share=out_of_order_share,
            disorder=disorder,
            offenders_every=offenders_every,
        )
        for name, keys in (("clients", traffic.clients), ("hosts", traffic.hosts)):
            if not keys.within_cap:
                report.note(
                    f"so few {name} at this rate that ordinary ones look like offenders; leave --{name} out to avoid it"
                )
        counters.watch_queue(sink.pending)
        truth = _ground_truth(ground_truth, append=live)
        run = generating.Run(traffic, sink, counters, truth, stopping=stop.requested)
        started = time.monotonic()
        run.write(begin, generating.Extent(count, duration), live or paced, report)
        sink.close(stop.insisted)
        if truth:
            truth.close()
    figures = {"records": run.records, "malformed": run.malformed, "offenders'": run.offending}
    undelivered = sink.pending() + sink.failed()
    if undelivered:
        figures["not delivered"] = undelivered
    say(summary("generate", figures, time.monotonic() - started, "records"), err=True)
    sys.exit(1 if undelivered else 0)


@click.command(short_help="Send the lines of files to a Kafka topic.")
@click.option("--bootstrap-servers", required=True, help="Kafka, as host:port[,host:port…].")
@click.option("--topic", required=True, help="Topic to write to; created if it does not exist.")
@click.option(
    "--file",
    "paths",
    required=True,
    multiple=True,
    help="File to send, also packed (gzip, zstd, bzip2, xz, zip); - is standard input; may be given again.",
)
@click.option("--limit", type=click.IntRange(1), help="Send only the first N lines that are not empty.")
@click.option(
    "--reset",
    is_flag=True,
    help="First delete the topic with all it holds and create it again, partitions and settings as before.",
)
@click.option("--rate", type=_POSITIVE, help="Lines a second.  [default: as fast as possible]")
@click.option(
    "--burst",
    type=BurstType(),
    metavar="FACTOR:DURATION[@START]",
    help="With --rate: multiply it for a while, START (default 10s) after the first line: 10:30s@60s.",
)
@click.option(
    "--speed",
    type=_POSITIVE,
    help="Send at the pace of the lines' own times (@timestamp in JSON, […] in common logs), this many times as fast.",
)
@client_options
def produce(
    *,
    bootstrap_servers: str,
    topic: str,
    paths: tuple[str, ...],
    limit: int | None,
    reset: bool,
    rate: float | None,
    burst: Burst | None,
    speed: float | None,
    partitions: int | None,
    client_config: Path | None,
    metrics_port: int | None,
    metrics_address: str,
) -> None:
    """Send files line by line to a Kafka topic, each line exactly once.

    Lines keep their order within a partition, and go to the partitions in turn. A broker that goes away is waited for.
    Empty lines are skipped; lines larger than the topic takes are named and left out.

    Exit code: 0 all lines delivered; 1 some rejected or not delivered; 2 nothing could be done; 130 or 143 ended by a
    signal, what was sent is delivered.

    \b
    Examples:
      logpipeline produce --bootstrap-servers kafka:9092 --topic test-inter --file access.json.gz
      logpipeline produce --bootstrap-servers kafka:9092 --topic test-inter --file access.log --speed 10
      logpipeline produce --bootstrap-servers kafka:9092 --topic test-inter --file big.gz --rate 200 --burst 10:30s@60s
    """
    if burst and not rate:
        raise click.UsageError("--burst multiplies --rate: give both")
    if rate and speed:
        raise click.UsageError("--rate and --speed exclude each other")
    stop = Stop().install()
    files = [LineFile(path, stop.requested) for path in paths]
    if all(file.empty for file in files):
        raise LogPipelineError(f"{', '.join(file.name for file in files)}: empty, there is nothing to send")
    counters = metrics.ProducerMetrics()
    metrics.serve(counters.registry, metrics_port, metrics_address)
    cluster = Cluster(bootstrap_servers, topic, read_client_properties(client_config) if client_config else {})
    if reset:
        say(f"produce: resetting topic {topic}: deleted with all its records and created again", err=True)
    width = cluster.reset_topic(partitions) if reset else cluster.ensure_topic(partitions)
    pace: Pace = Rate(rate, burst) if rate else OwnTimes(speed) if speed else Unpaced()
    broken: LogPipelineError | None = None
    with Report("produce", "lines") as report:
        delivery = Delivery(cluster, width, stopping=stop.requested, note=report.note)
        run = producing.Run(
            delivery, pace, counters, stopping=stop.requested, line_limit=cluster.line_limit(), limit=limit
        )
        started = time.monotonic()
        try:
            run.send(files, report)
        except LogPipelineError as error:
            broken = error
        delivery.flush(GRACE_SECONDS, stop.insisted)
        run.acknowledge()
    tally = run.tally
    figures = {"lines read": tally.read, "sent": tally.sent, "acknowledged": delivery.acknowledged}
    figures |= {"empty": tally.empty, "rejected": tally.rejected + delivery.failed}
    if delivery.outstanding:
        figures["not delivered"] = delivery.outstanding
    say(summary("produce", figures, time.monotonic() - started, "acknowledged"), err=True)
    if broken:
        raise broken
    if delivery.failed:
        say(f"produce: Kafka refused {delivery.failed:,} lines, the first because: {delivery.first_failure}", err=True)
    if tally.rejected or delivery.failed or delivery.outstanding:
        sys.exit(1)
    sys.exit(128 + stop.number if stop.number else 0)


def _ground_truth(path: str | None, append: bool) -> GroundTruth | None:
    """The ground-truth file at `path`; a live stream that starts again goes on in the same file."""
    if path is None:
        return None
    try:
        return GroundTruth(Path(path).open("a" if append else "w"))
    except OSError as error:
        raise LogPipelineError(f"{path}: {cast('str', error.strerror).lower()}") from error
