"""The index template and the retention of dated indices."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from logpipeline.api import LogPipeline
from logpipeline.elastic.node import single_node
from logpipeline.elastic.retention import dated_index, expired_indices
from logpipeline.elastic.template import index_template, template_name
from pipelines import a_pipeline

TODAY = date(2024, 3, 2)


def pipeline(**elasticsearch: Any) -> LogPipeline:
    return a_pipeline(sink={"elasticsearch": {"managed": {}, "index": "logs", **elasticsearch}})


def test_a_plain_index_has_its_name_and_no_alias() -> None:
    body = index_template(pipeline(), replicas=0)
    assert body["index_patterns"] == ["logs"]
    assert "aliases" not in body["template"]


def test_dated_indices_stand_behind_the_alias() -> None:
    body = index_template(pipeline(retention="7d"), replicas=0)
    assert body["index_patterns"] == ["logs-*"]
    assert body["template"]["aliases"] == {"logs": {}}


@pytest.mark.parametrize(("replicas", "expected"), [(0, 0), (1, 1), (None, None)])
def test_the_cluster_decides_on_replicas_unless_told(replicas: int | None, expected: int | None) -> None:
    settings = index_template(pipeline(), replicas=replicas)["template"]["settings"]["index"]
    assert settings.get("number_of_replicas") == expected


def test_the_columns_are_searched_and_the_rest_is_only_kept() -> None:
    mappings = index_template(pipeline(), replicas=0)["template"]["mappings"]
    assert mappings["dynamic"] is False
    assert {name: field["type"] for name, field in mappings["properties"].items()} == {
        "@timestamp": "date",
        "bytes": "long",
        "client_ip": "ip",
        "country": "keyword",
        "host": "keyword",
        "method": "keyword",
        "path": "keyword",
        "protocol": "keyword",
        "referrer": "keyword",
        "request_time": "float",
        "server": "keyword",
        "status": "short",
        "user_agent": "keyword",
    }


def test_no_value_is_reason_enough_to_refuse_a_record() -> None:
    body = index_template(pipeline(), replicas=0)["template"]
    assert body["settings"]["index"]["mapping"]["ignore_malformed"] is True
    # A term of Lucene's has at most 32,766 bytes and a character at most four.
    keywords = [field for field in body["mappings"]["properties"].values() if field["type"] == "keyword"]
    assert max(field["ignore_above"] for field in keywords) * 4 <= 32_766


def test_the_template_is_named_after_the_index() -> None:
    assert template_name(pipeline()) == "logpipeline-logs"


def test_of_two_templates_that_match_an_index_the_one_with_its_name_wins() -> None:
    # Elasticsearch refuses a template that overlaps with another of the same priority.
    priorities = [index_template(pipeline(index=name), replicas=None)["priority"] for name in ("logs", "logs-eu")]
    assert 500 <= priorities[0] < priorities[1]


@pytest.mark.parametrize(
    ("names", "days", "expired"),
    [
        ([], 7, []),
        (["logs-2024.03.02"], 1, []),
        (["logs-2024.03.01", "logs-2024.03.02"], 1, []),
        (["logs-2024.02.29", "logs-2024.03.01"], 1, ["logs-2024.02.29"]),
        (["logs-2024.02.24", "logs-2024.02.23", "logs-2023.12.31"], 7, ["logs-2023.12.31", "logs-2024.02.23"]),
        (["logs-2024.03.09"], 1, []),
        (["logs", "logs-old", "logs-2020.1.1", "logs-2020.13.01", "logs-2020.01.01-copy"], 1, []),
        (["xlogs-2020.01.01", "logs2-2020.01.01", "logs-eu-2020.01.01", "2020.01.01"], 1, []),
    ],
)
def test_indices_of_days_past_the_retention_are_removed_and_nothing_else(
    names: list[str], days: int, expired: list[str]
) -> None:
    assert expired_indices(names, "logs", TODAY, timedelta(days=days)) == expired


def test_an_index_is_named_by_its_day() -> None:
    assert dated_index("logs", TODAY) == "logs-2024.03.02"


def test_the_node_listens_on_the_loopback_address_alone() -> None:
    node = single_node("web", data="/data", logs="/logs", port=9200, transport_port=9300)
    assert node["network.host"] == "127.0.0.1"
    assert node["path.data"] == "/data"
