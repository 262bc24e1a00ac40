"""The Delta tables of a lake, as its writer uses them: created, appended to exactly once, compacted, cleaned up.

One process writes a table: on S3 and local folders Delta has no other protection
(https://docs.delta.io/latest/delta-storage.html), so maintenance is the writer's as well.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from delta.tables import DeltaTable
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F  # noqa: N812 - the name that every Spark programmer knows
from pyspark.sql.pandas.types import from_arrow_schema
from pyspark.sql.types import StructType

from logpipeline.lake.names import PARTITIONS, STATISTICS, TableName, folder
from logpipeline.lake.tables import SCHEMAS

# A reader that has listed the files of a table finds them for so long; also that of the entries of its log.
READERS_KEEP = timedelta(hours=24)
SETTINGS: Mapping[str, str] = {
    "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
    "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
    # The defaults, 50 and 10,000 tasks, are for tables of millions of files.
    "spark.databricks.delta.snapshotPartitions": "2",
    "spark.sql.sources.parallelPartitionDiscovery.parallelism": "4",
    # A file that is large enough is not compacted again.
    "spark.databricks.delta.optimize.minFileSize": str(64 << 20),
    "spark.databricks.delta.optimize.maxFileSize": str(256 << 20),
    # What is removed is kept for less than a week, see READERS_KEEP.
    "spark.databricks.delta.retentionDurationCheck.enabled": "false",
    "spark.sql.parquet.compression.codec": "zstd",
    # Spark's default has no statistics, and other readers do not know it.
    "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
    # Maintenance and writer share the cores.
    "spark.scheduler.mode": "FAIR",
}


@dataclass(frozen=True)
class Size:
    """How large a table is: its files and their bytes."""

    files: int
    bytes: int


class Table:
    """A table of the lake at `uri`, created where it is not there."""

    def __init__(self, spark: SparkSession, uri: str, name: TableName) -> None:
        self.name = name
        self._spark = spark
        # Delta compares places as Hadoop writes them, file:/folder for file:///folder.
        jvm: Any = spark.sparkContext._jvm  # noqa: SLF001 - Hadoop's paths have no Python of their own
        self._folder = str(jvm.org.apache.hadoop.fs.Path(folder(uri, name)).toString())
        hours = f"interval {READERS_KEEP // timedelta(hours=1)} hours"
        builder = (
            DeltaTable.createIfNotExists(spark)
            .location(self._folder)
            .addColumns(schema(name))
            .partitionedBy(*PARTITIONS[name])
            # Readers without a JVM list the files and know nothing of vectors beside them.
            .property("delta.enableDeletionVectors", "false")
            .property("delta.dataSkippingStatsColumns", ",".join(STATISTICS[name]))
            .property("delta.deletedFileRetentionDuration", hours)
            .property("delta.logRetentionDuration", hours)
        )
        builder.execute()

    def append(self, rows: DataFrame, writer: str, batch: int) -> None:
        """Append the rows of a batch; the same `batch` of the same `writer` again changes nothing."""
        (
            rows.write.format("delta")
            .mode("append")
            .option("txnAppId", f"{writer}-{self.name}")
            .option("txnVersion", batch)
            # A newer version may have more columns than the table.
            .option("mergeSchema", "true")
            .save(self._folder)
        )

    def read(self) -> DataFrame:
        """Return the rows."""
        return self._spark.read.format("delta").load(self._folder)

    def ends(self) -> dict[tuple[str, int], int]:
        """Return the offset behind the last row of each topic and partition that the table has rows of."""
        last = self.read().groupBy("topic", "partition").agg(F.max("offset").alias("last")).collect()
        return {(row.topic, row.partition): row.last + 1 for row in last}

    def maintain(self, older_than: float) -> None:
        """Remove the rows whose `kafka_time` is before `older_than` (epoch seconds), make many small files one, and
        remove the files that no reader needs.
        """
        table = DeltaTable.forPath(self._spark, self._folder)
        table.delete(F.col("kafka_time") < F.timestamp_seconds(F.lit(older_than)))
        table.optimize().executeCompaction()
        table.vacuum()

    def size(self) -> Size:
        """Return how large the table is."""
        row = DeltaTable.forPath(self._spark, self._folder).detail().select("numFiles", "sizeInBytes").first()
        assert row is not None
        return Size(row.numFiles, row.sizeInBytes)


def schema(name: TableName) -> StructType:
    """Return the columns of a table as Spark's types."""
    fields = from_arrow_schema(SCHEMAS[name])
    assert isinstance(fields, StructType)
    return fields
