#!/bin/sh
# install.sh DEST: puts an S3 server for the tests (moto) into DEST. Does nothing when it is there already. Not among the packages of
# the product: what it needs would hold theirs back.
set -eu
source=$(cd "$(dirname "$0")" && pwd)
dest=${1:?usage: install.sh DEST}

inputs=$(cd "$source" && cat install.sh requirements.txt | cksum)
[ "$(cat "$dest/.installed" 2>/dev/null)" != "$inputs" ] || exit 0

echo "s3: installing the server" >&2
rm -rf "$dest"
"${PYTHON:-python3}" -m pip install --quiet --disable-pip-version-check --no-warn-conflicts --target "$dest" -r "$source/requirements.txt"
echo "$inputs" >"$dest/.installed"
