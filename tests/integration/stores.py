"""Stores of files for tests: an S3 server, and HDFS as a NameNode and a DataNode, each a real process."""

from __future__ import annotations

import json
import ssl
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import quote
from xml.sax.saxutils import escape

from certificates import Authority
from processes import DISTRIBUTION, Server, free_port, installed

_HDFS_JARS = DISTRIBUTION / "hdfs"
_S3_PACKAGES = DISTRIBUTION / "s3"
_LOGGING = """log4j.rootLogger=WARN,console
log4j.appender.console=org.apache.log4j.ConsoleAppender
log4j.appender.console.layout=org.apache.log4j.PatternLayout
log4j.appender.console.layout.ConversionPattern=%d %p %c: %m%n
"""


class S3(Server):
    """An S3 server that keeps all in memory (moto), with a certificate of an authority of its own."""

    SECRET: ClassVar[dict[str, str]] = {"accessKey": "test", "secretKey": "of-the-test"}

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._port = free_port()
        self.url = f"https://127.0.0.1:{self._port}"
        authority = Authority(folder)
        authority.issue("127.0.0.1", "IP")
        self._authority = authority.certificate
        self._trusted = ssl.create_default_context(cadata=authority.certificate)

    def command(self) -> list[str]:
        address = ["--host", "127.0.0.1", "--port", str(self._port)]
        tls = ["--ssl-cert", str(self.folder / "127.0.0.1.crt"), "--ssl-key", str(self.folder / "127.0.0.1.key")]
        return [sys.executable, "-m", "moto.server", *address, *tls]

    def environment(self) -> dict[str, str]:
        return {**super().environment(), "PYTHONPATH": str(installed(_S3_PACKAGES))}

    def is_ready(self) -> bool:
        with urllib.request.urlopen(f"{self.url}/moto-api/data.json", timeout=5, context=self._trusted) as answer:
            return bool(answer.status == 200)

    def bucket(self, name: str) -> None:
        """Makes a bucket."""
        request = urllib.request.Request(f"{self.url}/{name}", method="PUT")
        with urllib.request.urlopen(request, timeout=30, context=self._trusted):
            pass

    def secret(self, folder: Path) -> Path:
        """Writes the Secret that opens it, a file a key, and returns its folder."""
        folder.mkdir()
        for key, value in {**self.SECRET, "endpoint": self.url, "ca.crt": self._authority}.items():
            (folder / key).write_text(value)
        return folder


class _HdfsNode(Server):
    """A node of HDFS, whose configuration is in the folder `configuration`."""

    main: ClassVar[str]

    def __init__(self, folder: Path, configuration: Path, http: str) -> None:
        super().__init__(folder)
        self._configuration = configuration
        self.http = http

    def command(self) -> list[str]:
        return self.java(self.main)

    def java(self, *arguments: str) -> list[str]:
        """The command that runs a class of Hadoop's."""
        opened = [f"--add-opens=java.base/java.{name}=ALL-UNNAMED" for name in ("lang", "util")]
        options = ["-Xmx192m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", f"-Dhadoop.log.dir={self.folder}"]
        path = f"{self._configuration}:{installed(_HDFS_JARS)}/*"
        return ["java", *options, "-Djava.net.preferIPv4Stack=true", *opened, "-cp", path, *arguments]

    def bean(self, name: str) -> dict[str, Any]:
        """What a bean of the NameNode says (JMX)."""
        with urllib.request.urlopen(f"{self.http}/jmx?qry=Hadoop:service=NameNode,name={name}", timeout=5) as answer:
            (found,) = json.load(answer)["beans"]
            return dict(found)


class _NameNode(_HdfsNode):
    main = "org.apache.hadoop.hdfs.server.namenode.NameNode"

    def is_ready(self) -> bool:
        with urllib.request.urlopen(f"{self.http}/webhdfs/v1/?op=GETFILESTATUS", timeout=5) as answer:
            return bool(answer.status == 200)


class _DataNode(_HdfsNode):
    main = "org.apache.hadoop.hdfs.server.datanode.DataNode"

    def is_ready(self) -> bool:
        return self.bean("FSNamesystemState")["NumLiveDataNodes"] == 1 and not self.bean("NameNodeInfo")["Safemode"]


class Hdfs:
    """HDFS with a NameNode and one DataNode; `uri` is its root."""

    def __init__(self, folder: Path) -> None:
        port, http = free_port(), free_port()
        self.uri = f"hdfs://127.0.0.1:{port}"
        self.web = f"http://127.0.0.1:{http}/webhdfs/v1"
        configuration = folder / "configuration"
        # The jars lack the folders that the nodes' web servers ask for.
        for name in ("hdfs", "datanode", "static"):
            (configuration / "webapps" / name).mkdir(parents=True)
        (configuration / "log4j.properties").write_text(_LOGGING)
        _write_site(configuration / "core-site.xml", {"fs.defaultFS": self.uri, "hadoop.tmp.dir": folder / "tmp"})
        _write_site(
            configuration / "hdfs-site.xml",
            {
                "dfs.replication": 1,
                "dfs.namenode.name.dir": f"file://{folder}/name",
                "dfs.datanode.data.dir": f"file://{folder}/data",
                "dfs.namenode.rpc-bind-host": "127.0.0.1",
                "dfs.namenode.http-address": f"127.0.0.1:{http}",
                "dfs.datanode.address": f"127.0.0.1:{free_port()}",
                "dfs.datanode.http.address": f"127.0.0.1:{free_port()}",
                "dfs.datanode.ipc.address": f"127.0.0.1:{free_port()}",
                "dfs.datanode.hostname": "127.0.0.1",
                "dfs.namenode.datanode.registration.ip-hostname-check": "false",
                "dfs.permissions.superusergroup": "nobody",
                "dfs.namenode.safemode.extension": 0,
                "dfs.heartbeat.interval": 1,
                "dfs.namenode.redundancy.interval.seconds": "1s",
                "dfs.namenode.fs-limits.min-block-size": 1048576,
            },
        )
        self.name_node = _NameNode(folder / "namenode", configuration, f"http://127.0.0.1:{http}")
        self.data_node = _DataNode(folder / "datanode", configuration, f"http://127.0.0.1:{http}")

    def start(self) -> None:
        """Formats it and starts both nodes."""
        subprocess.run(
            self.name_node.java(self.name_node.main, "-format", "-nonInteractive"), check=True, capture_output=True
        )
        self.name_node.start()
        self.data_node.start()

    def stop(self) -> None:
        """Stops both."""
        self.data_node.stop()
        self.name_node.stop()

    def names(self, path: str) -> set[str]:
        """What is in a folder, by WebHDFS."""
        with urllib.request.urlopen(f"{self.web}{quote(path)}?op=LISTSTATUS", timeout=30) as answer:
            return {each["pathSuffix"] for each in json.load(answer)["FileStatuses"]["FileStatus"]}


def _write_site(path: Path, properties: dict[str, object]) -> None:
    entries = (
        f"<property><name>{name}</name><value>{escape(str(value))}</value></property>"
        for name, value in properties.items()
    )
    path.write_text(f"<configuration>{''.join(entries)}</configuration>")
