#!/usr/bin/env bash
# setup.sh: installs the peers, each in an environment of its own, outside the checkout.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/logpipeline/bench
mkdir -p "$cache"

for list in "$here"/requirements/*.txt; do
    venv=$cache/$(basename "$list" .txt)
    if ! cmp -s "$list" "$venv/installed.txt"; then
        echo "bench: installing $(basename "$list" .txt)" >&2
        python3 -m venv --clear "$venv"
        "$venv/bin/pip" install --quiet --disable-pip-version-check --requirement "$list"
        cp "$list" "$venv/installed.txt"
    fi
done
# The connector comes without its Kafka client: Maven finds what it needs.
mvn --quiet --batch-mode --file "$here/peers/flink-connector.xml" dependency:copy-dependencies -DoutputDirectory="$cache/flink-jars"
