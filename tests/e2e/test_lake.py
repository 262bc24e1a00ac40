"""A lake on a volume of the cluster: every record of the topic once, also after the writer's pod was killed."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from installation import Operator
from kubectl import Namespace, wait_for
from pipelines_on_cluster import PIPELINES, Pipeline, resource

NAME, GOAL = "history", "client-rate"
# Prints partition and offset of each row, read as the table's log has it; the writer's image has no reader of Delta but Spark.
_PLACES = """
import json, pathlib, urllib.parse
import pyarrow.parquet
table, files = pathlib.Path("/lake/raw"), {}
for entry in sorted((table / "_delta_log").glob("*.json")):
    for action in map(json.loads, entry.read_text().splitlines()):
        if "add" in action:
            files[action["add"]["path"]] = None
        elif "remove" in action:
            files.pop(action["remove"]["path"], None)
places = []
for file in files:
    rows = pyarrow.parquet.ParquetFile(table / urllib.parse.unquote(file)).read(["partition", "offset"])
    places += zip(*(rows[name].to_pylist() for name in ("partition", "offset")))
print(json.dumps(sorted(places)))
"""


@pytest.fixture(scope="module")
def pipeline(operator: Operator, new_namespace: Callable[[str], Namespace]) -> Pipeline:
    return Pipeline(
        new_namespace(NAME),
        resource(
            NAME,
            GOAL,
            lake={"trigger": "2s", "storage": {"size": "1Gi"}},
            reports=[{"name": "hourly", "schedule": "@hourly", "window": "1h"}],
        ),
    )


def _lag(pipeline: Pipeline) -> int | None:
    lag: int | None = pipeline.status().get("lake", {}).get("lag")
    return lag


def test_it_becomes_ready_and_the_status_says_what_is_in_it(pipeline: Pipeline) -> None:
    pipeline.apply()
    pipeline.wait("Ready", seconds=180)
    pipeline.wait("LakeReady", seconds=60)
    wait_for("the first rows", lambda: pipeline.status()["lake"].get("bytes", 0) > 0, 120)
    assert pipeline.status()["lake"]["lastCommitTime"]


def test_each_record_is_there_once_though_the_writer_was_killed(pipeline: Pipeline) -> None:
    (pod,) = pipeline.pods("lake")
    name, uid = (pod["metadata"][key] for key in ("name", "uid"))
    pipeline.namespace.delete("pod", name, "--force", "--grace-period=0")
    wait_for("another pod", lambda: [one for one in pipeline.pods("lake") if one["metadata"]["uid"] != uid], 60)
    raw = pipeline.stop_traffic()
    pipeline.wait("LakeReady", seconds=180)
    wait_for("the lake to hold all", lambda: _lag(pipeline) == 0, 120)
    rows = json.loads(pipeline.namespace.kubectl("exec", "-i", name, "--", "python", "-", given=_PLACES))
    assert [tuple(row) for row in rows] == sorted((message.partition, message.offset) for message in raw)


def test_a_report_is_written_into_it_and_listed(pipeline: Pipeline) -> None:
    # About the hour of the first record: a Job by hand would be about the one before this, which has none.
    hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    due = int((hour + timedelta(hours=1)).timestamp()) // 60
    job = f"{NAME}-report-hourly-{due}"
    pipeline.namespace.kubectl("create", "job", f"--from=cronjob/{NAME}-report-hourly", job)

    def ended() -> list[str]:
        found = pipeline.namespace.get("job", job) or {}
        return [one["type"] for one in found.get("status", {}).get("conditions", []) if one["status"] == "True"]

    wait_for("the job to end", lambda: {"Complete", "Failed"}.intersection(ended()), 240)
    log = pipeline.namespace.kubectl("logs", f"job/{job}")
    assert "Complete" in ended(), log
    (pod,) = pipeline.pods("lake")
    ask = "import sys, urllib.request; print(urllib.request.urlopen(sys.argv[1]).read().decode())"

    def get(path: str) -> str:
        url = f"http://127.0.0.1:9410{path}"
        return pipeline.namespace.kubectl("exec", pod["metadata"]["name"], "--", "python", "-c", ask, url)

    path = f"hourly/{hour:%Y-%m-%dT%H}--{hour:%Y-%m-%dT%H}.html"
    assert path in [page["path"] for page in json.loads(get("/reports/"))], log
    assert f"<title>Report of {NAME}</title>" in get(f"/reports/{path}")
    wait_for("the status", lambda: [one["state"] for one in pipeline.status()["reports"]] == ["written"], 60)


def test_taken_out_its_writer_goes_and_its_tables_stay(pipeline: Pipeline) -> None:
    pipeline.namespace.patch(
        PIPELINES, NAME, [{"op": "remove", "path": f"/spec/{part}"} for part in ("reports", "lake")], form="json"
    )
    wait_for("the writer to go", lambda: not pipeline.pods("lake"), 120)
    pipeline.wait("LakeReady", "True", "Disabled", seconds=60)
    claims = [claim["metadata"]["name"] for claim in pipeline.children("persistentvolumeclaim")]
    assert f"lake-{NAME}-lake-0" in claims


def test_deleted_the_pipeline_leaves_them_alone(pipeline: Pipeline) -> None:
    pipeline.namespace.delete(PIPELINES, NAME)
    wait_for("the pods to go", lambda: not pipeline.children("pod"), 120)
    assert f"lake-{NAME}-lake-0" in [one["metadata"]["name"] for one in pipeline.children("persistentvolumeclaim")]
