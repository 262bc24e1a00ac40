#!/usr/bin/env bash
# base-image.sh: makes debian:bookworm-slim out of Debian's packages, for machines that reach no image registry; prints its name.
set -euo pipefail
. "$(dirname "$0")/env.sh"
# Named by what it is made of: images on another base are other images.
name=localhost/logpipeline/debian:bookworm-slim-$(sha256sum <"$0" | cut -c1-8)
if [ -n "$(buildah images --quiet "$name" 2>/dev/null)" ]; then
    echo "$name"
    exit 0
fi
say "making the base image"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# The machine's own mirrors, and what it needs to be told to reach them.
sources=()
[ ! -e /etc/apt/sources.list.d/debian.sources ] || sources=(/etc/apt/sources.list.d/debian.sources)
options=()
for file in /etc/apt/apt.conf.d/99*; do [ ! -f "$file" ] || options+=(--aptopt="$file"); done
# What the official slim image leaves out too.
for folder in man doc locale info; do options+=(--dpkgopt="path-exclude=/usr/share/$folder/*"); done
mmdebstrap --quiet --variant=minbase "${options[@]}" bookworm "$work/root.tar" "${sources[@]}" >&2

# As in the official image: apt keeps nothing that it can fetch again.
cat >"$work/docker-clean" <<'APT'
DPkg::Post-Invoke { "rm -f /var/cache/apt/archives/*.deb /var/cache/apt/archives/partial/*.deb /var/cache/apt/*.bin"; };
APT::Update::Post-Invoke { "rm -f /var/cache/apt/archives/*.deb /var/cache/apt/archives/partial/*.deb /var/cache/apt/*.bin"; };
Dir::Cache::pkgcache "";
Dir::Cache::srcpkgcache "";
APT
cat >"$work/Dockerfile" <<DOCKERFILE
FROM scratch
ADD root.tar /
COPY docker-clean /etc/apt/apt.conf.d/
CMD ["bash"]
DOCKERFILE
buildah build --quiet --isolation chroot --tag "$name" "$work" >/dev/null
echo "$name"
