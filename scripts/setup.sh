#!/bin/sh
# setup.sh: everything that LogPipeline needs, into .venv of this checkout. Safe to call again; does only what is missing.
# Downloads are cached by pip and Maven, outside the checkout. PYTHON names the interpreter to use (default python3).
set -eu
cd "$(dirname "$0")/.."
python=${PYTHON:-python3}

fail() {
    echo "setup: $1" >&2
    exit 2
}

"$python" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null ||
    fail "'$python' is not Python 3.11, 3.12 or 3.13: install one, or name it: make setup PYTHON=python3.12"
java=${JAVA_HOME:+$JAVA_HOME/bin/}java
version=$("$java" -version 2>&1 | sed -n 's/.* version "\([0-9]*\).*/\1/p') || version=
[ "${version:-0}" -ge 17 ] || fail "'$java' is not Java 17 or newer (found ${version:-none}): install a JDK 17, or set JAVA_HOME"
command -v mvn >/dev/null || fail "there is no 'mvn': install Apache Maven 3.8 or newer"

[ -x .venv/bin/python ] || { echo "setup: making .venv" >&2; "$python" -m venv .venv; }
inputs=$(cat requirements.lock pyproject.toml | cksum)
if [ "$(cat .venv/.installed 2>/dev/null)" != "$inputs" ]; then
    echo "setup: installing the Python packages" >&2
    .venv/bin/python -m pip install --quiet --disable-pip-version-check -r requirements.lock
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
    echo "$inputs" >.venv/.installed
fi

distribution=.venv/share/logpipeline
spark-apps/install.sh "$distribution/spark-jars"
services/kafka/install.sh "$distribution/kafka"
services/kafka-connect/install.sh "$distribution/connect-plugins/logpipeline-elasticsearch-sink"
services/elasticsearch/install.sh "$distribution/elasticsearch"
