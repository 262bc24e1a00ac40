#!/bin/sh
# install.sh DEST: puts the jars of Spark's Kafka source and sink into DEST. Does nothing when they are there already.
set -eu
source=$(cd "$(dirname "$0")" && pwd)
dest=${1:?usage: install.sh DEST}
mkdir -p "$dest"
dest=$(cd "$dest" && pwd)

inputs=$(cd "$source" && cat install.sh pom.xml | cksum)
[ "$(cat "$dest/.installed" 2>/dev/null)" != "$inputs" ] || exit 0

echo "spark: resolving the jars of the Kafka source" >&2
rm -rf "$dest"/*.jar "$dest/.installed"
mvn -q -B -Dstyle.color=never -f "$source/pom.xml" dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory="$dest" >&2
echo "$inputs" >"$dest/.installed"
