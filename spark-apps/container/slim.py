"""Takes out of site-packages what a streaming job never loads, and puts Spark's jars into a folder: `slim.py
SITE_PACKAGES JARS`.
"""

import platform
import shutil
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

# Jars of pyspark by subject.
UNUSED_JARS = {
    "MLlib and GraphX": (
        "spark-mllib*", "spark-graphx*", "breeze*", "spire*", "cats-*", "algebra*", "arpack*", "lapack*", "blas*",
        "JTransforms*", "JLargeArrays*", "jlargearrays*", "pmml*", "istack*", "jaxb-runtime*",
        "txw2*",
    ),
    "Hive": (
        "spark-hive*", "hive-beeline*", "hive-cli*", "hive-common*", "hive-exec*", "hive-jdbc*", "hive-llap*",
        "hive-metastore*", "hive-serde*", "hive-service*", "hive-shims*", "datanucleus*", "derby*", "HikariCP*",
        "bonecp*", "javax.jdo*", "jdo*", "transaction-api*", "libthrift*", "libfb303*", "antlr-runtime-3*", "ST4*",
        "stringtemplate*", "super-csv*", "opencsv*", "stax-api*", "velocity*",
    ),
    "shells, YARN, and Spark Connect's server": (
        "spark-repl*", "spark-yarn*", "spark-connect_*", "scala-compiler*", "jline*", "curator*", "zookeeper*",
        "leveldbjni-all*",
    ),
    "QUIC": ("netty-codec-native-quic*",),
    "native code of other systems": (
        "netty-*-osx-*", "netty-*-windows-*", "netty-transport-native-kqueue*",
        "netty-*-linux-aarch_64*" if platform.machine() == "x86_64" else "netty-*-linux-x86_64*",
        "netty-*-linux-riscv64*",
    ),
}  # fmt: skip

# Jars that carry native code for a dozen systems each: how the path of this system's begins, by machine.
NATIVE = {
    "rocksdbjni-*": {"x86_64": "librocksdbjni-linux64.so", "aarch64": "librocksdbjni-linux-aarch64.so"},
    "snappy-java-*": {
        "x86_64": "org/xerial/snappy/native/Linux/x86_64/",
        "aarch64": "org/xerial/snappy/native/Linux/aarch64/",
    },
    "zstd-jni-*": {"x86_64": "linux/amd64/", "aarch64": "linux/aarch64/"},
}
SIGNED_JARS = ("janino-*", "commons-compiler-*")
SIGNATURE_SUFFIXES = {".SF", ".RSA", ".DSA"}
NATIVE_SUFFIXES = {".so", ".a", ".dll", ".dylib", ".jnilib"}

UNUSED_FILES = (
    "pandas/tests", "numpy/*/tests", "numpy/f2py", "numpy/testing/tests",
    "pyarrow/include", "pyarrow/includes", "pyarrow/src", "pyarrow/tests", "pyarrow/*.pxi", "pyarrow/*.pyx",
    "pyarrow/_flight*", "pyarrow/libarrow_flight*", "pyarrow/libarrow_python_flight*",
    "pyspark/data", "pyspark/examples", "pyspark/licenses", "pyspark/ml", "pyspark/mllib", "pyspark/sbin",
    "pyspark/tests", "pyspark/*/tests",
)  # fmt: skip


def remove(path: Path) -> None:
    """Delete a file or a folder with all that is in it."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()


def rewrite(jar: Path, keeps: Callable[[str], bool]) -> None:
    """Rewrite `jar` with those of its files alone that `keeps` says yes to."""
    slim = jar.with_suffix(".slim")
    with zipfile.ZipFile(jar) as source, zipfile.ZipFile(slim, "w", zipfile.ZIP_DEFLATED) as target:
        for entry in source.infolist():
            if keeps(entry.filename):
                target.writestr(entry, source.read(entry))
    slim.replace(jar)


def size_of(folder: Path) -> int:
    """Return the size of all files under `folder` in megabytes."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) >> 20


def main() -> None:
    """Slim the first folder that is named on the command line."""
    packages, target = map(Path, sys.argv[1:])
    jars = packages / "pyspark" / "jars"
    before = size_of(packages)
    for patterns in UNUSED_JARS.values():
        for pattern in patterns:
            for jar in jars.glob(pattern):
                jar.unlink()
    for pattern, own in NATIVE.items():
        for jar in jars.glob(pattern):
            beginning = own[platform.machine()]
            rewrite(jar, lambda name, own=beginning: Path(name).suffix not in NATIVE_SUFFIXES or name.startswith(own))
    # A class archive takes no classes of jars that are signed.
    for jar in (jar for pattern in SIGNED_JARS for jar in jars.glob(pattern)):
        rewrite(jar, lambda name: not (name.startswith("META-INF/") and Path(name).suffix in SIGNATURE_SUFFIXES))
    for pattern in UNUSED_FILES:
        for path in packages.glob(pattern):
            remove(path)
    print(f"slim: {before} MB before, {size_of(packages)} MB after, of which jars {size_of(jars)} MB")
    # Spark's scripts add jars/* to the class path, in the order of the file system. A class archive is valid for one
    # order only, so that folder keeps what the scripts themselves need, and the rest is listed one by one.
    target.mkdir(parents=True)
    for jar in jars.glob("*.jar"):
        if not jar.name.startswith("spark-launcher"):
            jar.rename(target / jar.name)


if __name__ == "__main__":
    main()
