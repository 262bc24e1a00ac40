"""S3 for Spark: what the Secret of a store says, as Hadoop's settings.

Set on the running session and not on its command line, where each user of the machine could read the keys.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pyspark.sql import SparkSession

from logpipeline.kafka.security import read_credentials
from logpipeline.store import ANY_REGION, check

_PROVIDERS = "org.apache.hadoop.fs.s3a"


def settings(values: Mapping[str, str]) -> dict[str, str]:
    """Return Hadoop's settings for the entries of the Secret, which `store.check` has accepted."""
    found = {}
    if "accessKey" in values:
        kind = "TemporaryAWSCredentialsProvider" if "sessionToken" in values else "SimpleAWSCredentialsProvider"
        found["fs.s3a.aws.credentials.provider"] = f"{_PROVIDERS}.{kind}"
        found["fs.s3a.access.key"], found["fs.s3a.secret.key"] = values["accessKey"], values["secretKey"]
    if "sessionToken" in values:
        found["fs.s3a.session.token"] = values["sessionToken"]
    if "endpoint" in values:
        found["fs.s3a.endpoint"] = values["endpoint"]
        # A name for each bucket is AWS's own way.
        found["fs.s3a.path.style.access"] = "true"
        found["fs.s3a.endpoint.region"] = ANY_REGION
    if "region" in values:
        found["fs.s3a.endpoint.region"] = values["region"]
    return found


def configure(spark: SparkSession, folder: Path, field: str) -> None:
    """Let `spark` use the Secret that `field` of the resource names, whose entries are files in `folder`; raises
    LogPipelineError as `store.check`.
    """
    values = read_credentials(folder).values
    check(values, field)
    hadoop: Any = spark.sparkContext._jsc.hadoopConfiguration()  # noqa: SLF001 - has no Python of its own
    for name, value in settings(values).items():
        hadoop.set(name, value)
    if "ca.crt" in values:
        _trust(spark, folder / "ca.crt")


def _trust(spark: SparkSession, certificates: Path) -> None:
    """Let the JVM trust the certificates of a file (PEM) beside those that it trusts anyway."""
    jvm: Any = spark.sparkContext._jvm  # noqa: SLF001 - has no Python of its own
    store = jvm.java.security.KeyStore.getInstance("PKCS12")
    store.load(None, None)
    factory = jvm.javax.net.ssl.TrustManagerFactory.getInstance(
        jvm.javax.net.ssl.TrustManagerFactory.getDefaultAlgorithm()
    )
    usual: Any = None
    factory.init(usual)
    known = [one for manager in factory.getTrustManagers() for one in manager.getAcceptedIssuers()]
    with_stream = jvm.java.io.FileInputStream(str(certificates))
    try:
        ours = list(jvm.java.security.cert.CertificateFactory.getInstance("X.509").generateCertificates(with_stream))
    finally:
        with_stream.close()
    for number, certificate in enumerate([*known, *ours]):
        store.setCertificateEntry(str(number), certificate)
    password = "changeit"  # noqa: S105 - Java's own, of a file without secrets
    file = jvm.java.io.File.createTempFile("trust", ".p12")
    stream = jvm.java.io.FileOutputStream(file)
    # py4j makes Python's text of every Java String.
    gateway: Any = spark.sparkContext._gateway  # noqa: SLF001 - has no Python of its own
    secret = gateway.new_array(jvm.char, len(password))
    for place, sign in enumerate(password):
        secret[place] = sign
    try:
        store.store(stream, secret)
    finally:
        stream.close()
    for name, value in (("", file.getPath()), ("Password", password), ("Type", "PKCS12")):
        jvm.java.lang.System.setProperty(f"javax.net.ssl.trustStore{name}", value)
