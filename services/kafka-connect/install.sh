#!/bin/sh
# install.sh DEST: builds the sink connector into DEST; a worker finds it with plugin.path = the folder that holds DEST.
# Does nothing when DEST already holds what this folder describes. The tests are `mvn test`'s.
set -eu
source=$(cd "$(dirname "$0")" && pwd)
dest=${1:?usage: install.sh DEST}
mkdir -p "$dest"
dest=$(cd "$dest" && pwd)

inputs=$(cd "$source" && find install.sh pom.xml src/main -type f | LC_ALL=C sort | xargs cat | cksum)
[ "$(cat "$dest/.installed" 2>/dev/null)" != "$inputs" ] || exit 0

echo "kafka-connect: building the Elasticsearch sink connector" >&2
rm -rf "$dest/.installed" "$dest"/*.jar
# Built afresh: target/ may remember another DEST.
rm -rf "$source/target"
# Through a file: even a quiet Maven writes escape codes to a pipe.
log=$dest/.maven.log
mvn -q -B -f "$source/pom.xml" package -Dmaven.test.skip=true -Dplugin.directory="$dest" >"$log" 2>&1 || { cat "$log" >&2; exit 1; }
rm -f "$log"

echo "$inputs" >"$dest/.installed"
