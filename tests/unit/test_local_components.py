"""From the resource to processes and their settings files."""

from __future__ import annotations

import configparser
import json
import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from logpipeline.api import LogPipeline, load, parse
from logpipeline.errors import LogPipelineError
from logpipeline.local import launcher
from logpipeline.local.components import Place, Process, common_environment, processes, settings_files
from logpipeline.local.ports import port_requests
from logpipeline.local.secrets import stage_secret
from logpipeline.local.state import StateFolder, is_running, newest_running, read_status
from logpipeline.local.supervision import configuration

SAMPLES = Path(__file__).parents[2] / "manifests" / "samples"
PORTS = {"kafka": 9092, "kafka-controller": 1, "goals": 9404, "generator": 9405, "connect": 8083}
PORTS |= {"elasticsearch": 9200, "elasticsearch-transport": 2, "alert-bridge": 9406, "console": 8080}


def place(**changes: Any) -> Place:
    known: dict[str, Any] = {
        "root": Path("/state"),
        "distribution": Path("/dist"),
        "ports": PORTS,
        "bootstrap_servers": "127.0.0.1:9092",
        "elasticsearch_url": "http://127.0.0.1:9200",
        "brokers": 1,
        "java_client": {},
        "kafka_secret": None,
        "client_file": None,
        "elasticsearch_secret": None,
        "receiver_secrets": {},
    }
    return Place(**{**known, **changes})


def external() -> LogPipeline:
    return parse(
        {
            "apiVersion": "logpipeline.dev/v1alpha1",
            "kind": "LogPipeline",
            "metadata": {"name": "web"},
            "spec": {
                "kafka": {"external": {"bootstrapServers": "k:9092"}},
                "goals": [{"name": "client-rate", "preset": "client-rate"}],
                "sink": {"elasticsearch": {"external": {"url": "https://e:9200"}}},
            },
        }
    )


def nginx() -> LogPipeline:
    return load(SAMPLES / "nginx.yaml")


@pytest.mark.parametrize(
    ("pipeline", "names"),
    [
        (nginx(), {"kafka", "elasticsearch", "connect", "goals", "generator", "console"}),
        (external(), {"connect", "goals", "console"}),
        (load(SAMPLES / "custom-goal.yaml"), {"kafka", "goals", "console"}),
        (load(SAMPLES / "alerting.yaml"), {"kafka", "goals", "generator", "alert-bridge", "console"}),
    ],
)
def test_only_what_the_resource_asks_for_is_run(pipeline: LogPipeline, names: set[str]) -> None:
    assert {process.name for process in processes(pipeline, place())} == names
    needed = {
        request.name.removesuffix("-controller").removesuffix("-transport") for request in port_requests(pipeline)
    }
    assert needed == names


def test_what_writes_stops_before_what_it_writes_to() -> None:
    stages = {process.name: process.stop_stage for process in processes(nginx(), place())}
    assert stages["generator"] < stages["goals"] < stages["kafka"]
    assert stages["goals"] <= stages["connect"] < stages["elasticsearch"]


def test_the_generator_does_as_the_resource_says() -> None:
    command = next(process.argv for process in processes(nginx(), place()) if process.name == "generator")
    options = dict(zip(command[4::2], command[5::2], strict=True))
    assert command[1:4] == ["-m", "logpipeline", "generate"]
    expected = {
        "--topic": "test-inter",
        "--rate": "200",
        "--disorder": "2.5",
        "--late-by": "65",
        "--offenders-every": "20",
    }
    assert expected.items() <= options.items()


def test_secured_clients_are_given_files_and_no_secret() -> None:
    secured = place(client_file=Path("/state/config/client"), kafka_secret=Path("/state/secrets/kafka"))
    commands = {process.name: process.argv for process in processes(nginx(), secured)}
    assert commands["goals"][-2:] == ["--kafka-secret", "/state/secrets/kafka"]
    assert commands["generator"][-2:] == ["--client-config", "/state/config/client"]


def test_the_alert_bridge_is_given_the_goals_and_its_secrets() -> None:
    here = place(receiver_secrets={"webhook": "/state/secrets/webhook"})
    alerting = load(SAMPLES / "alerting.yaml")
    command = next(process.argv for process in processes(alerting, here) if process.name == "alert-bridge")
    options = dict(zip(command[3::2], command[4::2], strict=True))
    assert options["--goals"] == "http://127.0.0.1:9404"
    assert options["--webhook-secret"] == "/state/secrets/webhook"


def test_settings_files_hold_what_the_components_read() -> None:
    files = settings_files(nginx(), place())
    assert set(files) == {"kafka.properties", "connect.properties", "elasticsearch/elasticsearch.yml"}
    assert "log.dirs=/state/data/kafka\n" in files["kafka.properties"]
    assert "plugin.path=/dist/connect-plugins\n" in files["connect.properties"]
    assert yaml.safe_load(files["elasticsearch/elasticsearch.yml"])["path.data"] == "/state/data/elasticsearch"
    assert set(settings_files(external(), place())) == {"connect.properties"}


def test_what_programs_write_on_the_side_stays_in_the_state_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JDK_JAVA_OPTIONS", "-Dmine=1")
    environment = common_environment(Path("/a state"), Path("/dist"))
    assert environment["TMPDIR"] == environment["SPARK_LOCAL_DIRS"] == "/a state/tmp"
    assert environment["JDK_JAVA_OPTIONS"] == '-XX:-UsePerfData "-Djava.io.tmpdir=/a state/tmp" -Dmine=1'


def test_supervisord_restarts_with_patience_and_stops_the_writers_first() -> None:
    text = configuration(processes(nginx(), place()))
    parser = configparser.RawConfigParser(inline_comment_prefixes=(";", "#"))
    parser.read_string(text)
    programs = {
        name.removeprefix("program:"): parser[name] for name in parser.sections() if name.startswith("program:")
    }
    assert {program["autorestart"] for program in programs.values()} == {"true"}
    priority = {name: int(program["priority"]) for name, program in programs.items()}
    assert priority["generator"] > priority["goals"] > priority["connect"] > priority["kafka"]
    command = shlex.split(programs["kafka"]["command"])
    assert (command[0], command[-1]) == (sys.executable, "config/kafka.json")


def test_the_launcher_becomes_the_program(tmp_path: Path) -> None:
    script = "import os; print(os.getcwd(), os.environ['ADDED'], os.getpid(), os.nice(0))"
    process = Process("p", [sys.executable, "-c", script], {"ADDED": "x; #%"}, 0, 1, niceness=1)
    spec = tmp_path / "p.json"
    spec.write_text(json.dumps(process.spec(tmp_path)))
    with subprocess.Popen(
        [sys.executable, "-I", "-S", launcher.__file__, str(spec)], stdout=subprocess.PIPE, text=True
    ) as run:
        output = run.communicate(timeout=30)[0]
    assert output == f"{tmp_path} x; #% {run.pid} {min(19, os.nice(0) + 1)}\n"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process that its parent is gone")
def test_a_program_ends_with_the_process_that_launched_it(tmp_path: Path) -> None:
    process = Process("p", [sys.executable, "-c", "import time; print('up', flush=True); time.sleep(600)"], {}, 0, 1)
    spec = tmp_path / "p.json"
    spec.write_text(json.dumps(process.spec(tmp_path)))
    parent = (
        f"import subprocess, sys; subprocess.run([sys.executable, '-I', '-S', {launcher.__file__!r}, {str(spec)!r}])"
    )
    with subprocess.Popen([sys.executable, "-c", parent], stdout=subprocess.PIPE, text=True) as run:
        assert run.stdout is not None
        assert run.stdout.readline() == "up\n"
        run.send_signal(signal.SIGKILL)
        # The pipe ends when the last that can write to it is gone.
        assert run.stdout.read() == ""


def test_the_state_folder_is_for_one_run_at_a_time(tmp_path: Path) -> None:
    first = StateFolder(tmp_path / "web")
    first.prepare()
    first.write_json("status.json", {"pid": 4711, "started": "2024-01-01"})
    assert is_running(first.root)
    assert newest_running(tmp_path) == {"pid": 4711, "started": "2024-01-01"}
    with pytest.raises(LogPipelineError, match=r"^another `logpipeline up` \(pid 4711\) runs on the state folder "):
        StateFolder(tmp_path / "web").prepare()
    first.release()
    assert not is_running(first.root)
    assert newest_running(tmp_path) is None
    StateFolder(tmp_path / "web").prepare()


def test_the_newest_run_is_the_one_that_started_last(tmp_path: Path) -> None:
    for name, started in (("old", "2024-01-01"), ("new", "2024-02-01"), ("middle", "2024-01-15")):
        state = StateFolder(tmp_path / name)
        state.prepare()
        state.write_json("status.json", {"pid": name, "started": started})
    newest = newest_running(tmp_path)
    assert newest is not None
    assert newest["pid"] == "new"


def test_a_state_folder_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(LogPipelineError, match=r"cannot be written .*; give another with --state$"):
        StateFolder(tmp_path / "file").prepare()


def test_a_status_that_is_half_there_is_none(tmp_path: Path) -> None:
    assert read_status(tmp_path) is None
    (tmp_path / "status.json").write_text('{"pid": 1')
    assert read_status(tmp_path) is None


def test_the_resource_is_kept_as_it_was_read(tmp_path: Path) -> None:
    state = StateFolder(tmp_path)
    state.prepare()
    for sample in sorted(SAMPLES.glob("*.yaml")):
        pipeline = load(sample)
        assert load(state.write_pipeline(pipeline)) == pipeline


def test_a_secret_is_copied_for_the_owner_alone_and_without_the_editors_line_break(tmp_path: Path) -> None:
    given, staged = tmp_path / "secrets", tmp_path / "staged"
    (given / "es" / "..data").mkdir(parents=True)
    (given / "es" / "password").write_text("geheim\n")
    staged.mkdir()
    (staged / "username").write_text("of the last run")
    credentials = stage_secret("es", "spec.x", given, staged)
    assert credentials.values == {"password": "geheim"}
    assert [path.name for path in staged.iterdir()] == ["password"]
    assert (staged / "password").read_text() == "geheim"
    assert (staged / "password").stat().st_mode & 0o077 == 0


def test_a_secret_that_is_not_there_is_an_error_with_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(
        LogPipelineError, match=r"^spec\.x: names the Secret 'es'; give its folder's parent with --secrets DIR"
    ):
        stage_secret("es", "spec.x", None, tmp_path / "staged")
    with pytest.raises(LogPipelineError, match=r"^spec\.x: names the Secret 'es', and there is no folder "):
        stage_secret("es", "spec.x", tmp_path, tmp_path / "staged")
