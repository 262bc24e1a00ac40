#!/bin/sh
# install.sh DEST [FOLDER]: puts the jars of the pom.xml in FOLDER into DEST, without one those that pyspark lacks. Does nothing when they
# are there already.
set -eu
script=$(cd "$(dirname "$0")" && pwd)/install.sh
dest=${1:?usage: install.sh DEST [FOLDER]}
source=$(cd "${2:-$(dirname "$0")}" && pwd)
mkdir -p "$dest"
dest=$(cd "$dest" && pwd)

inputs=$(cat "$script" "$source/pom.xml" | cksum)
[ "$(cat "$dest/.installed" 2>/dev/null)" != "$inputs" ] || exit 0

echo "$(basename "$dest"): resolving the jars" >&2
rm -rf "$dest"/*.jar "$dest/.installed"
# Through a file: even a quiet Maven writes escape codes to a pipe.
log=$dest/.maven.log
mvn -q -B -f "$source/pom.xml" dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory="$dest" >"$log" 2>&1 || { cat "$log" >&2; exit 1; }
rm -f "$log"
echo "$inputs" >"$dest/.installed"
