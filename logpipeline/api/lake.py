"""Where the history of a pipeline is kept: every record and every result, for SQL, reports and tests of rules."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, ClassVar

from pydantic import Field, model_validator

from logpipeline.api.base import Duration, Matching, Model, Quantity, SecretReference, part, written
from logpipeline.api.cel import at_least, fixed
from logpipeline.api.kafka import Storage
from logpipeline.api.pods import Workload

_SHORT_RETENTION = "retention: a table is cleaned up by the hour; write at least 1h"
_SHORT_TRIGGER = "trigger: each commit is a file and an entry of the table's log; write at least 1s"


class LakeStorage(Storage):
    """The volume of a lake that has no uri."""

    size: Quantity = Field("20Gi", description="Size of the volume; grows only.")


class _Table(Model):
    """A table of the lake."""

    retention: Duration = Field(written("400d"), description="How long a row is kept, by Kafka's timestamp.")

    cel: ClassVar = (at_least("table-retention", "retention", 3600, _SHORT_RETENTION),)

    @model_validator(mode="after")
    def _is_kept(self) -> _Table:
        if self.retention < timedelta(hours=1):
            raise ValueError(_SHORT_RETENTION)
        return self


class RawTable(_Table):
    """The records: their columns, the line itself, where it is on Kafka, why it is invalid."""

    retention: Duration = Field(written("30d"), description="How long a row is kept, by Kafka's timestamp.")


class ResultsTable(_Table):
    """The results of all goals, each window once."""


class StatusFiles(_Table):
    """Counts by status as plain Parquet, a file a window, for engines that do not know Delta."""

    retention: Duration = Field(written("2d"), description="How long a file is kept after it was written.")


class Tables(Model):
    """The lake's tables."""

    raw: RawTable = part(RawTable, "Every record of the raw topic.")
    results: ResultsTable = part(ResultsTable, "Every window of every goal.")
    statuses: StatusFiles | None = Field(
        None, description="Also the windows of goals that group by the status alone, as plain Parquet; absent: none."
    )


class Lake(Workload):
    """Delta tables, written by a Spark application of their own."""

    uri: (
        Annotated[
            str,
            Field(max_length=500),
            Matching(
                "lake-uri",
                r"^(file|hdfs|s3a)://[^\s?#@%*\[\]]+$",
                "is not the URI of a folder that a lake can be in; write file:///folder, hdfs://host:port/folder or "
                "s3a://bucket/folder; keys are in the Secret that secretRef names, never here",
            ),
        ]
        | None
    ) = Field(
        None,
        description="Folder of the tables: s3a://bucket/folder, hdfs://host:port/folder, file:///folder; absent: a "
        "volume of the pipeline's own, on one machine a folder of the run.",
    )
    secret_ref: SecretReference | None = Field(
        None,
        description="Secret with accessKey and secretKey of s3a, endpoint and region where they are not AWS's own, "
        "ca.crt when its certificate is private; absent: the identity of the pod.",
    )
    storage: LakeStorage = part(LakeStorage, "The volume of a lake without uri.")
    trigger: Duration = Field(written("10s"), description="Time between two commits of a table.")
    tables: Tables = part(Tables, "What is kept, and for how long.")

    cel: ClassVar = (
        fixed(
            "lake-stays",
            "uri",
            "a running lake never moves, for its tables would stay behind; take spec.lake out and apply, then give it "
            "again",
        ),
        at_least("lake-trigger", "trigger", 1, _SHORT_TRIGGER),
    )

    @model_validator(mode="after")
    def _commits_seldom(self) -> Lake:
        if self.trigger < timedelta(seconds=1):
            raise ValueError(_SHORT_TRIGGER)
        return self
