"""The sink connector between a real Kafka and a real Elasticsearch: every record is indexed once or is a dead letter, whatever happens."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from typing import cast
from urllib.error import HTTPError

import pytest
from confluent_kafka import OFFSET_BEGINNING, Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from logpipeline.elastic.template import mappings
from processes import MESSAGE_BYTES, Broker, ConnectWorker, Elasticsearch

SETTINGS = {"index.mapping.ignore_malformed": True, "number_of_replicas": 0}

SECONDS = 120


def wait_until(condition: Callable[[], bool], what: Callable[[], object]) -> None:
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < deadline, f"not within {SECONDS} s: {what()}"
        time.sleep(0.2)


class Sink:
    """One connector from a topic to the index of the same name."""

    def __init__(self, kafka: Broker, connect: ConnectWorker, elasticsearch: Elasticsearch, topic: str) -> None:
        self.topic = topic
        self.dead_letter_topic = f"{topic}-dead-letters"
        self._kafka = kafka
        self._connect = connect
        self._elasticsearch = elasticsearch

    def create(self, **settings: str) -> None:
        self._elasticsearch.client().indices.create(index=self.topic, mappings=mappings(), settings=SETTINGS)
        self._connect.request("PUT", f"/connectors/{self.topic}/config", self.config(**settings))
        self.wait_for_state("RUNNING", tasks=1)

    def config(self, **settings: str) -> dict[str, str]:
        return {
            "connector.class": "dev.logpipeline.connect.ElasticsearchSinkConnector",
            "tasks.max": "1",
            "topics": self.topic,
            "errors.tolerance": "all",
            "errors.deadletterqueue.topic.name": self.dead_letter_topic,
            "errors.deadletterqueue.topic.replication.factor": "1",
            "errors.deadletterqueue.context.headers.enable": "true",
            "producer.override.max.request.size": str(MESSAGE_BYTES),
            "consumer.override.auto.offset.reset": "earliest",
            "connection.url": self._elasticsearch.url,
            "index": "${topic}",
            "retry.backoff.max.ms": "1000",
        } | {name.replace("_", "."): value for name, value in settings.items()}

    def delete(self) -> None:
        self._connect.request("DELETE", f"/connectors/{self.topic}")

    def produce(self, values: Sequence[bytes | None]) -> None:
        producer = Producer(
            {
                "bootstrap.servers": self._kafka.bootstrap_servers,
                "message.max.bytes": MESSAGE_BYTES,
                "enable.idempotence": True,
            }
        )
        for value in values:
            producer.poll(0)
            producer.produce(self.topic, value, partition=0)
        assert producer.flush(SECONDS) == 0

    def indexed(self) -> dict[int, dict[str, object]]:
        """The documents by their offsets."""
        client = self._elasticsearch.client()
        client.indices.refresh(index=self.topic)
        hits = client.search(index=self.topic, size=1000)["hits"]["hits"]
        return {int(hit["_id"].rsplit("+", 1)[1]): hit["_source"] for hit in hits}

    def statuses(self) -> list[int]:
        client = self._elasticsearch.client()
        hits = client.search(index=self.topic, size=1000)["hits"]["hits"]
        return sorted(hit["_source"]["status"] for hit in hits)

    def count(self) -> int:
        client = self._elasticsearch.client()
        client.indices.refresh(index=self.topic)
        count: int = client.count(index=self.topic)["count"]
        return count

    def dead_letters(self) -> list[tuple[int, str]]:
        """The offset and the reason of each."""
        consumer = Consumer({"bootstrap.servers": self._kafka.bootstrap_servers, "group.id": "unused"})
        partition = TopicPartition(self.dead_letter_topic, 0, OFFSET_BEGINNING)
        _, end = consumer.get_watermark_offsets(partition, timeout=SECONDS)
        consumer.assign([partition])
        letters: list[tuple[int, str]] = []
        while len(letters) < end:
            message = consumer.poll(SECONDS)
            assert message is not None, f"{len(letters)} of {end} dead letters read"
            assert message.error() is None, message.error()
            headers = dict(cast("list[tuple[str, bytes]]", message.headers()))
            letters.append(
                (int(headers["__connect.errors.offset"]), headers["__connect.errors.exception.message"].decode())
            )
        consumer.close()
        return letters

    def wait_for_state(self, state: str, tasks: int) -> None:
        def states() -> list[str]:
            try:
                status = self._connect.request("GET", f"/connectors/{self.topic}/status")
            except HTTPError:  # not known to the worker yet
                return []
            return [part["state"] for part in (status["connector"], *status["tasks"])]

        wait_until(lambda: states() == [state] * (1 + tasks), states)

    def wait_for_offset(self, offset: int) -> None:
        """Until the connector has committed so far: then all records before it are accounted for."""

        def committed() -> object:
            offsets = self._connect.request("GET", f"/connectors/{self.topic}/offsets")["offsets"]
            return [part["offset"]["kafka_offset"] for part in offsets]

        wait_until(lambda: committed() == [offset], committed)

    def read_again(self, meanwhile: Callable[[], None] = lambda: None) -> None:
        """Sets the connector back to the first record."""
        self._connect.request("PUT", f"/connectors/{self.topic}/stop")
        self.wait_for_state("STOPPED", tasks=0)
        self._connect.request("DELETE", f"/connectors/{self.topic}/offsets")
        meanwhile()
        self._connect.request("PUT", f"/connectors/{self.topic}/resume")
        self.wait_for_state("RUNNING", tasks=1)

    def replace_topic(self, values: Sequence[bytes | None]) -> None:
        """Deletes the topic and creates it again, with other records."""
        admin = AdminClient({"bootstrap.servers": self._kafka.bootstrap_servers})
        admin.delete_topics([self.topic])[self.topic].result()
        wait_until(lambda: self.topic not in admin.list_topics(timeout=SECONDS).topics, lambda: "still there")
        self._kafka.topic(self.topic)
        self.produce(values)


@pytest.fixture
def sink(kafka: Broker, connect: ConnectWorker, elasticsearch: Elasticsearch, topic: str) -> Iterator[Sink]:
    kafka.topic(topic)
    sink = Sink(kafka, connect, elasticsearch, topic)
    yield sink
    sink.delete()


JSON_RECORDS: list[tuple[bytes | None, str]] = [
    (b'{"@timestamp":1659509511.123,"client_ip":"154.85.126.16","status":200,"request_time":0.005}', "indexed"),
    (b'{"@timestamp":"1659509511.5","client_ip":"2001:db8::1","status":"404"}', "indexed"),
    (b"{}", "indexed"),
    (b'{"@timestamp":1659509511,"status":200,"status":500}', "indexed"),
    (
        b'{"@timestamp":"yesterday","client_ip":"host.example.org","status":"OK","request_time":"slow","bytes":-1}',
        "indexed",
    ),
    (b'{"@timestamp":1e99999,"status":1e400,"bytes":123456789012345678901234567890}', "indexed"),
    (b'{"@timestamp":null,"host":null}', "indexed"),
    (b'{"@timestamp":1659509511,"unknown":{"a":[1,"two",{"three":3}]}}', "indexed"),
    ('{"@timestamp":1659509511,"host":"ä€😀","path":"\\ud800"}'.encode(), "indexed"),
    (b'{"@timestamp":1659509511,"path":"' + b"x" * 1_000_000 + b'"}', "indexed"),
    (
        b'{"@timestamp":1659509511,"status":{"code":200},"client_ip":{"a":1},"bytes":[{}],"host":{"name":"a"}}',
        "indexed",
    ),
    (b'{"@timestamp":{"a":1}}', "document_parsing_exception"),
    (b"{", "not JSON"),
    (b"x" * 1_000_000, "not JSON"),
    (b"x" * 5_000_000, "not JSON"),
    (b"[1,2]", "not a JSON object"),
    (b'"text"', "not a JSON object"),
    (b"null", "not a JSON object"),
    (b'{"status":NaN}', "not JSON"),
    (b"", "not a JSON object"),
    (None, "no value"),
    (b'{"host":"\xff\xfe"}', "indexed"),
    (b'{"a":' * 2000 + b"1" + b"}" * 2000, "not JSON"),
    (b"\n", "not a JSON object"),
]

COMBINED_RECORDS: list[tuple[bytes | None, str]] = [
    (
        b'1.2.3.4 - - [10/Oct/2000:13:55:36 -0700] "GET /a.gif HTTP/1.0" 200 2326 "-" "Mozilla/4.08 [en] (Win98; I ;Nav)"',
        "indexed",
    ),
    (
        b'host.example.org - joe [10/Oct/2000:13:55:36 -0700] "GET /a" 304 - "http://x/" "a \\"quoted\\" agent"',
        "indexed",
    ),
    (b'1.2.3.4 - - [10/Oct/2000:13:55:36 -0700] "-" 408 0 "-" "-"', "indexed"),
    (b'1.2.3.4 - - [10/Oct/2000:13:55:36 -0700] "GET /' + b"\\x22" * 250_000 + b' HTTP/1.1" 414 0 "-" "-"', "indexed"),
    (b'1.2.3.4 - - [10/Oct/2000:13:55:36 -0700] "GET /a HTTP/1.1" 200 10', "not a line of the combined log format"),
    (b'1.2.3.4 - - [99/Oct/2000:13:55:36 -0700] "GET / HTTP/1.1" 200 1 "-" "-"', "is not a time"),
    (b'{"status":200}', "not a line"),
    (b"", "not a line"),
    (b'1.2.3.4 - a [b] [10/Oct/2000:13:55:36 -0700] "GET /\\" 200 5 HTTP/1.1" 401 1 "-" "-"', "indexed"),
    (b'1.2.3.4 - - [10/Oct/2000:13:55:36 -0700] "GET /\xff HTTP/1.1" 200 1 "-" "-"', "indexed"),
]


@pytest.mark.parametrize(("record_format", "records"), [("json", JSON_RECORDS), ("combined", COMBINED_RECORDS)])
def test_each_record_is_indexed_or_a_dead_letter_with_its_reason(
    sink: Sink, record_format: str, records: list[tuple[bytes | None, str]]
) -> None:
    sink.create(record_format=record_format)
    sink.produce([value for value, _ in records])
    sink.wait_for_offset(len(records))
    outcome = dict.fromkeys(sink.indexed(), "indexed") | dict(sink.dead_letters())
    for offset, (value, expected) in enumerate(records):
        assert expected in outcome[offset], f"{value!r:.80} became {outcome[offset]}"
    assert len(sink.indexed()) + len(sink.dead_letters()) == len(records)


def test_times_keep_their_milliseconds(sink: Sink, elasticsearch: Elasticsearch) -> None:
    sink.create()
    sink.produce(
        [b'{"@timestamp":1659509511.123456}', b'{"@timestamp":"1659509511.123"}', b'{"@timestamp":1659509511.124}']
    )
    sink.wait_for_offset(3)
    assert sink.count() == 3
    window = {"gte": "2022-08-03T06:51:51.123Z", "lt": "2022-08-03T06:51:51.124Z"}
    assert elasticsearch.client().count(index=sink.topic, query={"range": {"@timestamp": window}})["count"] == 2


def test_columns_and_time_are_taken_from_the_fields_that_hold_them(sink: Sink) -> None:
    sink.create(
        record_fields="client_ip=remote_ip,status=response.code",
        record_timestamp_field="time",
        record_timestamp_format="clf",
    )
    sink.produce(
        [
            b'{"time":"03/Aug/2022:06:51:51 +0000","remote_ip":"::1","request":"GET /a?b HTTP/1.1","response":{"code":"404"}}'
        ]
    )
    sink.wait_for_offset(1)
    columns = {
        "@timestamp": 1659509511,
        "client_ip": "::1",
        "status": "404",
        "method": "GET",
        "path": "/a?b",
        "protocol": "HTTP/1.1",
    }
    assert sink.indexed()[0].items() >= columns.items()


def test_a_dated_index_follows_the_kafka_timestamp(sink: Sink, elasticsearch: Elasticsearch) -> None:
    sink.create(index="dated-${topic}-${date}")
    sink.produce([b"{}"])
    sink.wait_for_offset(1)
    today = time.strftime("%Y.%m.%d", time.gmtime())
    client = elasticsearch.client()
    client.indices.refresh(index="dated-*")
    assert client.count(index=f"dated-{sink.topic}-{today}")["count"] == 1


def test_nothing_is_lost_or_doubled_when_elasticsearch_is_killed_and_offsets_are_reset(
    sink: Sink, elasticsearch: Elasticsearch
) -> None:
    records = [b'{"@timestamp":%d.%03d,"status":200}' % (1659509511 + n, n % 1000) for n in range(20_000)]
    poison = [b"{"] * 10
    total = len(records) + len(poison)
    # Small requests and little retrying in the task: the kill falls into the load, and Connect has to deliver again.
    sink.create(batch_records="200", requests_in_flight="1", retry_max="1")
    sink.produce(records[:10_000])
    wait_until(lambda: sink.count() > 0, sink.count)
    elasticsearch.kill()
    sink.produce([*records[10_000:], *poison])
    time.sleep(3)
    sink.wait_for_state("RUNNING", tasks=1)  # the task waits, it does not fail
    elasticsearch.start()
    sink.wait_for_offset(total)
    assert sink.count() == len(records)
    assert len(sink.dead_letters()) == len(poison)

    sink.read_again()
    sink.wait_for_offset(total)
    assert sink.count() == len(records)


def test_records_of_a_topic_that_was_created_again_are_indexed_beside_the_old_ones(sink: Sink) -> None:
    sink.create()
    sink.produce([b'{"status":200}', b'{"status":404}'])
    sink.wait_for_offset(2)
    sink.read_again(lambda: sink.replace_topic([b'{"status":200}', b'{"status":500}']))
    sink.wait_for_offset(2)
    assert sink.count() == 4
    sink.read_again()
    sink.wait_for_offset(2)
    assert sink.count() == 4
    assert sink.statuses() == [200, 200, 404, 500]


def test_an_object_where_a_scalar_is_mapped_costs_that_field_alone(sink: Sink, elasticsearch: Elasticsearch) -> None:
    """As Filebeat writes `host`."""
    sink.create()
    sink.produce([b'{"@timestamp":1659509511,"host":{"name":"a","ip":["::1"]},"status":{"code":200},"message":"m"}'])
    sink.wait_for_offset(1)
    document = sink.indexed()[0]
    assert (document["host"], document["message"]) == ('{"name":"a","ip":["::1"]}', "m")
    client = elasticsearch.client()
    assert client.count(index=sink.topic, query={"term": {"host": document["host"]}})["count"] == 1
    assert client.count(index=sink.topic, query={"term": {"_ignored": "status"}})["count"] == 1


def test_a_scalar_where_an_object_is_mapped_costs_that_field_alone(sink: Sink, elasticsearch: Elasticsearch) -> None:
    sink.create()
    tenant = {"properties": {"tenant": {"properties": {"tier": {"type": "long"}}}}}
    elasticsearch.client().indices.put_mapping(index=sink.topic, properties=tenant["properties"])
    sink.produce(
        [b'{"@timestamp":1659509511,"tenant":"blue","message":"m"}', b'{"@timestamp":1659509511,"tenant":["a"]}']
    )
    sink.wait_for_offset(2)
    documents = sink.indexed()
    assert documents[0]["message"] == "m"
    assert documents[0]["logpipeline"]["unindexed"] == {"tenant": "blue"}  # type: ignore[index]
    assert set(documents) == {0, 1}


def test_settings_are_checked_before_the_connector_is_created(
    kafka: Broker, connect: ConnectWorker, elasticsearch: Elasticsearch, topic: str
) -> None:
    config = Sink(kafka, connect, elasticsearch, topic).config(
        name=topic,
        index="Capitals",
        record_format="xml",
        connection_api_key="key",
        connection_username="user",
        connection_password="geheim",
    )
    answer = connect.request("PUT", "/connector-plugins/ElasticsearchSinkConnector/config/validate", config)
    findings = {
        entry["value"]["name"]: entry["value"]["errors"] for entry in answer["configs"] if entry["value"]["errors"]
    }
    assert set(findings) == {"connection.api.key", "index", "record.format"}
    assert "geheim" not in str(findings)
