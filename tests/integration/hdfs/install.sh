#!/bin/sh
# install.sh DEST: puts the jars of an HDFS for the tests into DEST. Does nothing when they are there already.
set -eu
source=$(cd "$(dirname "$0")" && pwd)
dest=${1:?usage: install.sh DEST}
mkdir -p "$dest"
dest=$(cd "$dest" && pwd)

inputs=$(cd "$source" && cat install.sh pom.xml | cksum)
[ "$(cat "$dest/.installed" 2>/dev/null)" != "$inputs" ] || exit 0

echo "hdfs: resolving the jars" >&2
rm -rf "$dest"/*.jar "$dest/.installed"
# Through a file: even a quiet Maven writes escape codes to a pipe.
log=$dest/.maven.log
mvn -q -B -f "$source/pom.xml" dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory="$dest" >"$log" 2>&1 || { cat "$log" >&2; exit 1; }
rm -f "$log"
echo "$inputs" >"$dest/.installed"
