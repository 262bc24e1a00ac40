#!/usr/bin/env bash
# images.sh: image archives of the two programs of the node that run as pods: the pause container and CoreDNS.
set -euo pipefail
. "$(dirname "$0")/../env.sh"
mkdir -p "$images"
export BUILDAH_ISOLATION=chroot

for program in pause coredns; do
    archive=$images/$program.tar
    [ "$archive" -ot "$tools/$program" ] || continue
    name=localhost/logpipeline/$program:1
    printf 'FROM scratch\nCOPY %s /\nENTRYPOINT ["/%s"]\n' "$program" "$program" |
        buildah build --quiet --file - --tag "$name" "$tools" >/dev/null
    rm -f "$archive"
    buildah push --quiet "$name" "docker-archive:$archive:$name"
done
