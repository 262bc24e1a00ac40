"""What must be on the machine before anything starts: Java, and the parts that `make setup` installs."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

from logpipeline.api import LogPipeline
from logpipeline.errors import LogPipelineError

OLDEST_JAVA = 17


def check_java() -> None:
    """Raise LogPipelineError when there is no Java, or one that is too old. JAVA_HOME comes first, as for the programs
    started.
    """
    home = os.environ.get("JAVA_HOME")
    java = str(Path(home, "bin", "java")) if home else "java"
    remedy = f"install Java {OLDEST_JAVA} or newer, or point JAVA_HOME at one"
    if shutil.which(java) is None:
        where = f"at {java} (JAVA_HOME={home})" if home else "on the PATH, and JAVA_HOME is not set"
        raise LogPipelineError(f"Java is not installed: no `java` {where}; {remedy}")
    try:
        run = subprocess.run([java, "-version"], capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise LogPipelineError(f"Java does not work: `{java} -version`: {error}; {remedy}") from error
    version = java_version(run.stderr + run.stdout)
    if version is None:
        raise LogPipelineError(
            f"Java does not work: `{java} -version` ended with {run.returncode} and told no version; {remedy}"
        )
    if version < OLDEST_JAVA:
        raise LogPipelineError(f"Java is too old: {java} is version {version}; {remedy}")


def java_version(text: str) -> int | None:
    """Return the major version that `java -version` printed, or None. Up to 8 it stands second, as in 1.8.0."""
    found = re.search(r'version "(\d+)(?:\.(\d+))?', text)
    if found is None:
        return None
    first, second = found.groups()
    return int(second) if first == "1" and second else int(first)


def check_distribution(pipeline: LogPipeline, folder: Path) -> None:
    """Raise LogPipelineError, a line each, for the parts that `pipeline` needs and `folder` lacks."""
    sink = pipeline.spec.sink
    needed = {"Spark's Kafka connector": folder / "spark-jars"}
    if pipeline.spec.kafka.managed is not None:
        needed["Kafka"] = folder / "kafka" / "bin" / "kafka-broker"
    if sink is not None:
        needed["Kafka Connect"] = folder / "kafka" / "bin" / "connect-worker"
        needed["the Elasticsearch sink connector"] = folder / "connect-plugins"
        if sink.elasticsearch.managed is not None:
            needed["Elasticsearch"] = folder / "elasticsearch" / "bin" / "elasticsearch-node"
    missing = [name for name, path in needed.items() if not path.exists()]
    if missing:
        raise LogPipelineError("\n".join(f"{name} is not installed in {folder}; run `make setup`" for name in missing))
