"""The records behind a result, out of a real Elasticsearch: the same that the kernel counts, for every kind of condition."""

from __future__ import annotations

import json
from typing import Any

import polars as pl
import pyarrow as pa
import pytest
from elasticsearch import Elasticsearch as Client
from elasticsearch.helpers import bulk

from logpipeline.api import parse
from logpipeline.elastic.evidence import evidence_search
from logpipeline.elastic.index import PipelineIndex
from logpipeline.kernel.cells import count
from logpipeline.kernel.records import RecordReader, needed
from logpipeline.keys import shortened
from logpipeline.rules import Rule, rule_of
from processes import Elasticsearch

START, END = 1_659_509_510, 1_659_509_530
# As both readers write what a client sent: bytes that are no text, quotes, controls.
ODD = '/\ufffd"\\x22\x1b[31m'
HOST = 'a b:c*\\"(x)'
ARRIVAL_MS = END * 1000
# The second is longer than what is indexed of a text.
LONG, VERY_LONG = "a" * 2000, "b" * 9000


def record(number: int, **changes: Any) -> dict[str, Any]:
    """A record within the window; a change to None takes a field away."""
    fields = {
        "@timestamp": START + 5.25,
        "client_ip": "10.0.0.1",
        "method": "GET",
        "status": 404,
        "request_time": 0.5,
        "host": HOST,
        "country": "SE",
        "tenant": {"name": "blue", "tier": 3},
        "number": number,
    }
    return {name: value for name, value in (fields | changes).items() if value is not None}


RECORDS = [
    record(number, **changes)
    for number, changes in enumerate(
        [
            {},
            {"@timestamp": START},
            {"@timestamp": START - 0.001},
            {"@timestamp": END},
            {"@timestamp": END - 0.001},
            {"@timestamp": str(START + 7)},
            {"@timestamp": None},
            {"status": "404"},
            {"status": 403},
            {"status": 399},
            {"status": None},
            {"status": "many"},
            {"client_ip": "10.0.0.10"},
            {"client_ip": "crawler.example.org"},
            {"client_ip": "2001:db8::1"},
            {"client_ip": None},
            {"request_time": "0.75"},
            {"request_time": 2},
            {"request_time": None},
            {"host": "other"},
            {"host": None},
            {"host": HOST, "country": "é ü"},
            {"country": None},
            {"country": "SEA"},
            {"tenant": {"name": "green*", "tier": "7.5"}},
            {"tenant": None},
            {"tenant": None, "tenant.name": "blue"},
            {"path": "/login?a=(b)*"},
            {"path": "/logi"},
            {"referrer": LONG},
            {"referrer": LONG},
            {"referrer": VERY_LONG},
            {"method": 7},
            {"path": ODD},
            {"host": '{"name":"a"}'},
        ]
    )
]
BY_HOST = {"groupBy": ["host"]}
RULES: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {
    "a key with signs": (BY_HOST, (HOST,)),
    "a key with what is no text": ({"groupBy": ["path"]}, (ODD,)),
    "an object for a key": (BY_HOST, ('{"name":"a"}',)),
    "an address": ({"groupBy": ["client_ip"]}, ("10.0.0.1",)),
    "a long address": ({"groupBy": ["client_ip"]}, ("2001:db8::1",)),
    "a name for an address": ({"groupBy": ["client_ip"]}, ("crawler.example.org",)),
    "a number as key": ({"groupBy": ["status", "host"]}, ("404", HOST)),
    "a method that is a number": ({"groupBy": ["method"]}, ("7",)),
    "not indexed": ({"groupBy": ["tenant.name"]}, ("blue",)),
    "equals": ({**BY_HOST, "where": [{"field": "country", "equals": "SE"}]}, (HOST,)),
    "equals a number": ({**BY_HOST, "where": [{"field": "status", "equals": 404}]}, (HOST,)),
    "equals with letters": ({**BY_HOST, "where": [{"field": "country", "equals": "é ü"}]}, (HOST,)),
    "in": ({**BY_HOST, "where": [{"field": "status", "in": [403, "399"]}]}, (HOST,)),
    "in names and addresses": (
        {**BY_HOST, "where": [{"field": "client_ip", "in": ["10.0.0.10", "crawler.example.org"]}]},
        (HOST,),
    ),
    "notIn": ({**BY_HOST, "where": [{"field": "country", "notIn": ["SE"]}]}, (HOST,)),
    "notIn addresses": ({**BY_HOST, "where": [{"field": "client_ip", "notIn": ["10.0.0.1"]}]}, (HOST,)),
    "notIn, not indexed": ({**BY_HOST, "where": [{"field": "tenant.name", "notIn": ["blue"]}]}, (HOST,)),
    "prefix": ({**BY_HOST, "where": [{"field": "path", "prefix": "/login?a=(b)*"}]}, (HOST,)),
    "a long key": ({"groupBy": ["referrer"]}, (shortened(LONG),)),
    "a key too long for the index": ({"groupBy": ["referrer"]}, (shortened(VERY_LONG),)),
    "prefix of an address": ({**BY_HOST, "where": [{"field": "client_ip", "prefix": "10.0.0.1"}]}, (HOST,)),
    "prefix, not indexed": ({**BY_HOST, "where": [{"field": "tenant.name", "prefix": "green*"}]}, (HOST,)),
    "between": ({**BY_HOST, "where": [{"field": "status", "between": [400, 403]}]}, (HOST,)),
    "greaterThan": ({**BY_HOST, "where": [{"field": "request_time", "greaterThan": 0.5}]}, (HOST,)),
    "lessThan": ({**BY_HOST, "where": [{"field": "request_time", "lessThan": 0.75}]}, (HOST,)),
    "a number not indexed": ({**BY_HOST, "where": [{"field": "tenant.tier", "greaterThan": 3}]}, (HOST,)),
    "several": (
        {**BY_HOST, "where": [{"field": "status", "between": [400, 499]}, {"field": "method", "equals": "GET"}]},
        (HOST,),
    ),
    "a value of a field": ({**BY_HOST, "aggregate": {"avg": {"field": "request_time"}}}, (HOST,)),
    "a value of a field not indexed": ({**BY_HOST, "aggregate": {"max": {"field": "tenant.tier"}}}, (HOST,)),
}


def pipeline(goal: dict[str, Any]) -> Any:
    window = {"size": "20s", "slide": "1s"}
    spec = {
        "kafka": {"managed": {}},
        "goals": [{"name": "goal", "window": window, "aggregate": {"count": {}}, **goal}],
        "sink": {"elasticsearch": {"managed": {}}},
    }
    return parse(
        {
            "apiVersion": "logpipeline.dev/v1alpha1",
            "kind": "LogPipeline",
            "metadata": {"name": "evidence"},
            "spec": spec,
        }
    )


@pytest.fixture(scope="module")
def index(elasticsearch: Elasticsearch) -> Client:
    """The records in an index as the pipeline makes it."""
    client = elasticsearch.client()
    assert PipelineIndex(client, pipeline(BY_HOST), replicas=0).ensure() is None
    bulk(client, ({"_index": "evidence", "_id": str(one["number"]), "_source": one} for one in RECORDS), refresh=True)
    return client


def counted(rule: Rule, source: Any, key: tuple[str, ...]) -> set[int]:
    """The numbers of the records that the kernel counts for a key in the window."""
    numbers = set()
    for one in RECORDS:
        values = pa.array([json.dumps(one).encode()], pa.binary())
        records = RecordReader(source, needed([rule])).read(values, pa.array([ARRIVAL_MS]))
        cells = count(records.filter(pl.col("second").is_between(START, END - 1)), rule).cells
        if cells.height and cells.select(pl.col("^key.*$")).row(0) == key:
            numbers.add(one["number"])
    return numbers


@pytest.mark.parametrize(("goal", "key"), RULES.values(), ids=RULES)
def test_the_index_has_the_records_that_the_kernel_counts(
    index: Client, goal: dict[str, Any], key: tuple[str, ...]
) -> None:
    resource = pipeline(goal)
    rule = rule_of(resource.spec.goals[0])
    body = evidence_search(rule, dict(zip(rule.group_by, key, strict=True)), START, END)
    hits = index.search(index="evidence", size=100, **body)["hits"]["hits"]
    expected = counted(rule, resource.spec.source, key)
    assert expected
    assert {int(hit["_id"]) for hit in hits} == expected
