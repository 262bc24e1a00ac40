"""A driver of executors talks to those alone who have its secret, in real JVMs."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pyspark
import pytest

from logpipeline_spark.placement import secured

# A driver that waits for executors which its own cluster has no cores for; it prints its port, and ends with its standard input.
_DRIVER = """
import json, sys
from pyspark.sql import SparkSession
builder = SparkSession.builder.master("local-cluster[1,1,1024]").config("spark.executor.cores", "2").config("spark.ui.enabled", "false")
for key, value in json.loads(sys.argv[1]).items():
    builder = builder.config(key, value)
spark = builder.getOrCreate()
print("port", spark.sparkContext.getConf().get("spark.driver.port"), flush=True)
sys.stdin.read()
spark.stop()
"""
# The driver has no endpoint of the name that is asked for here: who gets so far to be told was let in.
_LET_IN = "Cannot find endpoint"


@pytest.fixture(scope="module")
def secret(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("spark") / "secret"
    path.write_text("of-the-test")
    return path


@pytest.fixture(scope="module")
def port(secret: Path) -> Iterator[int]:
    settings = {**secured(secret), "spark.driver.host": "127.0.0.1", "spark.driver.bindAddress": "127.0.0.1"}
    # A driver reads the file only in a cluster of Kubernetes; this is what it makes of it.
    del settings["spark.authenticate.secret.file"]
    settings["spark.authenticate.secret"] = base64.b64encode(secret.read_bytes()).decode()
    command = [sys.executable, "-c", _DRIVER, json.dumps(settings)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as driver:
        assert driver.stdout is not None
        said = next(line for line in driver.stdout if line.startswith("port "))
        yield int(said.split()[1])
        driver.communicate("")


def executor(port: int, settings: dict[str, str]) -> str:
    """What an executor says that asks the driver for its configuration, as every executor does first."""
    options = [
        f"-D{key}={value}" for key, value in {**settings, "spark.master": "k8s://as-the-entry-point-says"}.items()
    ]
    jars = str(Path(pyspark.__file__).parent / "jars" / "*")
    command = [
        "java",
        "-Xmx256m",
        *_OPENED,
        *options,
        "-cp",
        jars,
        "org.apache.spark.executor.CoarseGrainedExecutorBackend",
    ]
    command += ["--driver-url", f"spark://Nobody@127.0.0.1:{port}", "--executor-id", "1"]
    command += ["--hostname", "127.0.0.1", "--cores", "1", "--app-id", "a", "--resourceProfileId", "0"]
    environment = {**os.environ, "SPARK_LOCAL_IP": "127.0.0.1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode != 0
    return done.stdout + done.stderr


# Java 17 keeps these to itself, and Netty and Kryo use them.
_OPENED = [f"--add-opens=java.base/{name}=ALL-UNNAMED" for name in ("java.lang", "java.nio", "java.util", "sun.nio.ch")]


def test_an_executor_with_the_secret_is_let_in(port: int, secret: Path) -> None:
    assert _LET_IN in executor(port, secured(secret))


def test_an_executor_with_another_secret_or_none_is_not(port: int, secret: Path) -> None:
    other = secret.with_name("other")
    other.write_text("of-somebody")
    for settings in ({}, secured(other)):
        said = executor(port, settings)
        assert _LET_IN not in said
        assert "CoarseGrainedExecutorBackend" in said
