#!/bin/sh
# install.sh DEST: puts a real Elasticsearch node into DEST: lib/, modules/, plugins/, native/, bin/, config/, and cds/ for a quick start.
# Does nothing when DEST already holds what this folder describes.
set -eu
source=$(cd "$(dirname "$0")" && pwd)
dest=${1:?usage: install.sh DEST}
mkdir -p "$dest"
dest=$(cd "$dest" && pwd)

inputs=$(cd "$source" && find install.sh train.sh pom.xml bin config src -type f | LC_ALL=C sort | xargs cat | cksum)
[ "$(cat "$dest/.installed" 2>/dev/null)" != "$inputs" ] || exit 0

echo "elasticsearch: resolving the jars and building the launcher" >&2
for part in .installed lib modules plugins native bin config cds; do rm -rf "${dest:?}/$part"; done
# Built afresh: target/ may remember another DEST.
rm -rf "$source/target"
# Through a file: even a quiet Maven writes escape codes to a pipe.
log=$dest/.maven.log
mvn -q -B -f "$source/pom.xml" package -Dhome="$dest" >"$log" 2>&1 || { cat "$log" >&2; exit 1; }
rm -f "$log"
cp -R "$source/bin" "$source/config" "$dest/"

# The native libraries are not published as jars. Of them only zstd matters here (codec best_compression, logsdb), and systems have their own.
mkdir "$dest/native"
for library in /usr/lib/*/libzstd.so.1 /usr/lib64/libzstd.so.1 /usr/lib/libzstd.so.1; do
    [ ! -e "$library" ] || { cp -L "$library" "$dest/native/libzstd.so" && break; }
done

echo "elasticsearch: recording the classes of a start, for quicker starts" >&2
"$source/train.sh" "$dest" || echo "elasticsearch: not recorded; starts take a few seconds longer, nothing else" >&2

echo "$inputs" >"$dest/.installed"
