"""The file for Kibana, read back: each of its panels and searches finds something in a real Elasticsearch, and the right."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from statistics import fmean
from typing import Any

import pytest
import yaml
from elasticsearch import Elasticsearch as Client
from elasticsearch.helpers import bulk

from kibana_file import Asked, requests
from logpipeline.api import load
from logpipeline.elastic.index import PipelineIndex
from processes import Elasticsearch

SAMPLE = Path(__file__).parents[2] / "manifests" / "samples" / "nginx.yaml"
# What the presets do not do: several fields as a key, fields that are not indexed, each kind of aggregate.
OF_ONES_OWN = [
    {"name": "by-tenant", "groupBy": ["tenant.name", "method"], "window": {"size": "60s"}, "aggregate": {"count": {}}},
    {
        "name": "cost",
        "groupBy": ["host", "method"],
        "window": {"size": "60s", "slide": "10s"},
        "aggregate": {"sum": {"field": "tenant.cost"}},
        "where": [{"field": "tenant.name", "notIn": ["red"]}],
    },
    {"name": "p95", "groupBy": ["country"], "window": {"size": "30s"}, "aggregate": {"p95": {"field": "request_time"}}},
    {"name": "most", "groupBy": ["status"], "window": {"size": "60s"}, "aggregate": {"max": {"field": "request_time"}}},
]


def command(*arguments: str) -> str:
    """What `logpipeline` prints."""
    return subprocess.run(
        [sys.executable, "-m", "logpipeline", *arguments], capture_output=True, text=True, check=True
    ).stdout


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    file = tmp_path_factory.mktemp("kibana") / "access.json"
    command(
        "generate", "--output", str(file), "--start", "1659509511", "--count", "6000", "--rate", "20", "--seed", "7"
    )
    found = [json.loads(line) for line in file.read_text().splitlines()]
    for number, record in enumerate(found):
        record["tenant"] = {"name": ("blue", "green", "red")[number % 3], "cost": number % 7}
    return found


@pytest.fixture(scope="module")
def resource(tmp_path_factory: pytest.TempPathFactory) -> Path:
    document = yaml.safe_load(SAMPLE.read_text())
    document["metadata"]["name"] = "kibana"
    document["spec"]["sink"]["elasticsearch"]["index"] = "kibana-records"
    document["spec"]["goals"] += OF_ONES_OWN
    file = tmp_path_factory.mktemp("resource") / "pipeline.yaml"
    file.write_text(yaml.safe_dump(document))
    return file


@pytest.fixture(scope="module")
def client(elasticsearch: Elasticsearch, resource: Path, records: list[dict[str, Any]]) -> Client:
    found = elasticsearch.client()
    assert PipelineIndex(found, load(resource), replicas=0).ensure() is None
    bulk(found, ({"_index": "kibana-records", "_source": one} for one in records), refresh=True)
    return found


@pytest.fixture(scope="module")
def asked(resource: Path) -> dict[str, Asked]:
    return {one.title: one for one in requests(command("kibana", "-f", str(resource)))}


def rows(level: dict[str, Any], one: Asked) -> Iterator[tuple[tuple[Any, ...], dict[str, float]]]:
    """The rows of an answer: the keys of its buckets, and its metrics by label."""

    def below(node: dict[str, Any], buckets: tuple[str, ...], keys: tuple[Any, ...]) -> Iterator[Any]:
        if not buckets:
            yield keys, {label: value(node, name) for label, name in one.metrics}
            return
        found = node[buckets[0]]["buckets"]
        for key, bucket in found.items() if isinstance(found, dict) else ((each["key"], each) for each in found):
            if bucket["doc_count"]:
                yield from below(bucket, buckets[1:], (*keys, key))

    return below(level, one.buckets, ())


def value(node: dict[str, Any], name: str) -> float:
    answer = node.get(name, {"value": node.get("doc_count")})
    if "doc_count" in answer:
        answer = answer.get("value", {"value": answer["doc_count"]})
    return next(iter(answer["values"].values())) if "values" in answer else answer["value"]


def answer(client: Client, one: Asked) -> dict[tuple[Any, ...], dict[str, float]]:
    found = client.search(index=one.index, **one.body)
    total = found["hits"]["total"]["value"]
    return dict(rows({**found.get("aggregations", {}), "doc_count": total}, one))


def test_every_panel_and_search_finds_something(client: Client, asked: dict[str, Asked]) -> None:
    assert len(asked) == 2 + 5 + 2 * 8
    for title, one in asked.items():
        if not one.metrics:
            hits = client.search(index=one.index, **one.body)["hits"]["hits"]
            assert hits, title
            assert all(len(hit["fields"]) >= len(one.body["fields"]) - 1 for hit in hits), title
            continue
        found = answer(client, one)
        assert found, title
        assert all(number is not None for metrics in found.values() for number in metrics.values()), title
        assert not one.buckets or len(found) > 1, title


def test_what_they_find_is_what_the_records_say(
    client: Client, asked: dict[str, Asked], records: list[dict[str, Any]]
) -> None:
    def of(title: str) -> dict[tuple[Any, ...], dict[str, float]]:
        return answer(client, asked[title])

    assert of("Records") == {(): {"Records": len(records)}}
    assert of("Clients") == {(): {"Clients": len({one["client_ip"] for one in records})}}
    assert of("Errors") == {(): {"Errors": sum(int(one["status"]) >= 400 for one in records)}}
    classes = Counter(f"{int(one['status']) // 100}xx" for one in records)
    found: Counter[str] = Counter()
    for (name, _), metrics in of("Records by status").items():
        found[name] += metrics["Records"]
    assert found == classes
    clients = Counter(one["client_ip"] for one in records)
    most = {key: metrics["Records"] for (key,), metrics in of("client-rate: most").items()}
    assert sorted(most.values()) == sorted(number for _, number in clients.most_common(10))
    assert all(clients[key] == number for key, number in most.items())
    hosts = Counter(one["host"] for one in records if 400 <= int(one["status"]) <= 499)
    assert all(hosts[key] == metrics["Records"] for (key,), metrics in of("host-errors: most").items())
    minutes = Counter(
        (one["country"], int(float(one["@timestamp"])) // 60 * 60_000)
        for one in records
        if int(one["status"]) // 100 == 2
    )
    for key, metrics in of("country-success: Records by country").items():
        assert minutes[key] == metrics["Records"], key
    times = defaultdict(list)
    for one in records:
        times[one["host"]].append(float(one["request_time"]))
    for (host,), metrics in of("host-latency: most").items():
        assert metrics["mean request_time"] == pytest.approx(fmean(times[host]), rel=1e-5)
        assert metrics["Records"] == len(times[host])
    tenants = Counter((one["tenant"]["name"], one["method"]) for one in records)
    most_of = of("by-tenant: most")
    assert len(most_of) >= 9
    assert all(tenants[key] == metrics["Records"] for key, metrics in most_of.items())
    costs: Counter[tuple[str, str]] = Counter()
    for one in records:
        if one["tenant"]["name"] != "red":
            costs[one["host"], one["method"]] += one["tenant"]["cost"]
    assert all(costs[key] == metrics["sum tenant.cost"] for key, metrics in of("cost: most").items())
