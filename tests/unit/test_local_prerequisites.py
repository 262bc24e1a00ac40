"""Java and the installed parts are looked at before anything starts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from logpipeline.api import LogPipeline
from logpipeline.errors import LogPipelineError
from logpipeline.local.prerequisites import check_distribution, check_java, java_version
from pipelines import a_pipeline


def pipeline(kafka: dict[str, Any], sink: dict[str, Any] | None) -> LogPipeline:
    return a_pipeline(kafka=kafka, sink=None if sink is None else {"elasticsearch": sink})


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ('openjdk version "17.0.15" 2025-04-15', 17),
        ('openjdk version "21" 2023-09-19', 21),
        ('java version "1.8.0_292"', 8),
        ('openjdk version "25-ea" 2025-09-16', 25),
        ('NOTE: Picked up JDK_JAVA_OPTIONS: -Xmx1g\nopenjdk version "11.0.2" 2019-01-15', 11),
        ("The operation couldn't be completed. Unable to locate a Java Runtime.", None),
        ("", None),
    ],
)
def test_the_version_is_read_as_every_java_writes_it(text: str, version: int | None) -> None:
    assert java_version(text) == version


def fake_java(folder: Path, script: str) -> Path:
    java = folder / "bin" / "java"
    java.parent.mkdir(parents=True)
    java.write_text(f"#!/bin/sh\n{script}\n")
    java.chmod(0o755)
    return folder


@pytest.mark.parametrize(
    ("script", "fault"),
    [
        ("""echo 'openjdk version "11.0.2" 2019-01-15' >&2""", "Java is too old: .*/bin/java is version 11; "),
        ("""echo 'java version "1.8.0_292"' >&2""", "Java is too old: .*/bin/java is version 8; "),
        ("exit 3", "Java does not work: `.*/bin/java -version` ended with 3 and told no version; "),
    ],
)
def test_a_java_that_will_not_do_is_one_line_with_the_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, fault: str
) -> None:
    monkeypatch.setenv("JAVA_HOME", str(fake_java(tmp_path, script)))
    with pytest.raises(LogPipelineError, match=f"^{fault}install Java 17 or newer") as error:
        check_java()
    assert "\n" not in error.value.message


def test_a_new_enough_java_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JAVA_HOME", str(fake_java(tmp_path, """echo 'openjdk version "17.0.1" 2021' >&2""")))
    check_java()


@pytest.mark.parametrize("home", [None, "/nowhere"])
def test_no_java_says_where_it_looked(home: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.delenv("JAVA_HOME", raising=False)
    if home:
        monkeypatch.setenv("JAVA_HOME", home)
    where = "at /nowhere/bin/java \\(JAVA_HOME=/nowhere\\)" if home else "on the PATH, and JAVA_HOME is not set"
    with pytest.raises(LogPipelineError, match=f"^Java is not installed: no `java` {where}; install Java 17"):
        check_java()


EXTERNAL_KAFKA = {"external": {"bootstrapServers": "k:9092"}}
EXTERNAL_SEARCH = {"external": {"url": "http://e:9200"}}


@pytest.mark.parametrize(
    ("kafka", "sink", "missing"),
    [
        (EXTERNAL_KAFKA, None, ["Spark's Kafka connector"]),
        ({"managed": {}}, None, ["Spark's Kafka connector", "Kafka"]),
        (
            EXTERNAL_KAFKA,
            EXTERNAL_SEARCH,
            ["Spark's Kafka connector", "Kafka Connect", "the Elasticsearch sink connector"],
        ),
        (
            {"managed": {}},
            {"managed": {}},
            ["Spark's Kafka connector", "Kafka", "Kafka Connect", "the Elasticsearch sink connector", "Elasticsearch"],
        ),
    ],
)
def test_only_what_the_resource_needs_has_to_be_installed(
    tmp_path: Path, kafka: dict[str, Any], sink: dict[str, Any] | None, missing: list[str]
) -> None:
    with pytest.raises(LogPipelineError) as error:
        check_distribution(pipeline(kafka, sink), tmp_path)
    assert error.value.message.splitlines() == [
        f"{name} is not installed in {tmp_path}; run `make setup`" for name in missing
    ]
