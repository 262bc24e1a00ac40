#!/bin/sh
# install.sh DEST: puts Kafka (broker and Connect worker) into DEST: libs/, bin/, config/, and cds/ for a quick start.
# Does nothing when DEST already holds what this folder describes.
set -eu
source=$(cd "$(dirname "$0")" && pwd)
dest=${1:?usage: install.sh DEST}
mkdir -p "$dest"
dest=$(cd "$dest" && pwd)

inputs=$(cd "$source" && cat install.sh train.sh pom.xml bin/* config/* | cksum)
[ "$(cat "$dest/.installed" 2>/dev/null)" != "$inputs" ] || exit 0

echo "kafka: resolving the jars" >&2
rm -rf "$dest/.installed" "$dest/libs" "$dest/bin" "$dest/config" "$dest/cds"
# Through a file: even a quiet Maven writes escape codes to a pipe.
log=$dest/.maven.log
mvn -q -B -f "$source/pom.xml" dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory="$dest/libs" >"$log" 2>&1 || { cat "$log" >&2; exit 1; }
rm -f "$log"
cp -R "$source/bin" "$source/config" "$dest/"

echo "kafka: recording the classes of a start, for quicker starts" >&2
"$source/train.sh" "$dest" || echo "kafka: not recorded; starts take a few seconds longer, nothing else" >&2

echo "$inputs" >"$dest/.installed"
